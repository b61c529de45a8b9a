#include "graph/interpreter.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/operations.h"
#include "norm/error_message.h"

namespace equipoise {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::UnorderedElementsAre;

constexpr std::int64_t kN = GraphShape::kBatch;

Array array_of(const Shape& shape, std::vector<double> values) {
  Array array(shape);
  array.values = std::move(values);
  return array;
}

/// y = relu(x) · w
class Interpreter : public ::testing::Test {
 protected:
  Interpreter() {
    const TensorId x = graph_.add_input("x", {kN, 2});
    const TensorId w = graph_.add_parameter("w", {2});
    graph_.add_output(
        ops::multiply(graph_, "y", ops::activate(graph_, "bent", x, ops::Function::kRelu), w));
  }

  Graph graph_{"net"};
  std::map<std::string, Array> values_ = {{"x", array_of({2, 2}, {1, -2, 3, 4})},
                                          {"w", array_of({2}, {10, 100})}};
};

TEST_F(Interpreter, GivesTheOutputs) {
  const auto result = interpret(graph_, values_, {.batch = 2});
  EXPECT_THAT(result, ElementsAre(Key("y")));
  EXPECT_EQ(result.at("y").shape, (Shape{2, 2}));
  EXPECT_THAT(result.at("y").values, ElementsAre(10, 0, 30, 400));
}

TEST_F(Interpreter, GivesAllTensorsIfAsked) {
  const auto result = interpret(graph_, values_, {.batch = 2, .keep_all = true});
  EXPECT_THAT(result, UnorderedElementsAre(Key("x"), Key("w"), Key("bent"), Key("y")));
  EXPECT_THAT(result.at("bent").values, ElementsAre(1, 0, 3, 4));
}

TEST_F(Interpreter, GivesUpdatesUnderTheParametersName) {
  const TensorId rate = graph_.add_input("rate", {});
  const TensorId gradient = graph_.add_input("gradient", {2});
  ops::sgd_update(graph_, "update", graph_.tensor("w"), gradient, {}, rate, {});
  values_["rate"] = array_of({}, {0.5});
  values_["gradient"] = array_of({2}, {2, 4});
  for (const bool keep_all : {false, true}) {
    const auto result = interpret(graph_, values_, {.batch = 2, .keep_all = keep_all});
    EXPECT_THAT(result.at("w").values, ElementsAre(9, 98));
    EXPECT_THAT(result.at("y").values, ElementsAre(10, 0, 30, 400)) << "read before the update";
  }
}

TEST_F(Interpreter, GivesAnOutputThatIsAnInput) {
  graph_.add_output(graph_.tensor("x"));
  EXPECT_THAT(interpret(graph_, values_, {.batch = 2}).at("x").values, ElementsAre(1, -2, 3, 4));
}

TEST_F(Interpreter, NamesAValueThatIsMissing) {
  values_.erase("w");
  EXPECT_THAT(message_of([&] { interpret(graph_, values_, {.batch = 2}); }),
              AllOf(HasSubstr("graph 'net'"), HasSubstr("no value was given for 'w'"),
                    HasSubstr("it has to be (2)")));
}

TEST_F(Interpreter, NamesAValueOfAnotherShape) {
  EXPECT_THAT(message_of([&] { interpret(graph_, values_, {.batch = 3}); }),
              AllOf(HasSubstr("graph 'net'"), HasSubstr("'x' has shape (2, 2)"),
                    HasSubstr("it has to be (3, 2)")));
}

TEST_F(Interpreter, DropsBySeedAndStepAlone) {
  graph_.add_output(ops::dropout(graph_, "dropped", graph_.tensor("x"), 0.5));
  values_["x"] = Array(Shape{64, 2});
  std::ranges::fill(values_["x"].values, 1);
  const auto dropped = [&](std::uint64_t key) {
    return interpret(graph_, values_, {.batch = 64, .random_key = key}).at("dropped").values;
  };
  EXPECT_EQ(dropped(1), dropped(1));
  EXPECT_NE(dropped(1), dropped(2));
}

}  // namespace
}  // namespace equipoise
