#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "equipoise/graph.h"
#include "equipoise/operations.h"
#include "graph/interpreter.h"
#include "norm/error_message.h"

namespace equipoise {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::int64_t kN = GraphShape::kBatch;
constexpr std::int64_t kBatchSize = 3;

std::map<std::string, Array> random_values(const Graph& graph) {
  std::map<std::string, Array> values;
  for (const TensorInfo& info : graph.tensors()) {
    if (info.role == TensorRole::kResult || info.role == TensorRole::kConstant) continue;
    Array array(info.type.shape.resolve(kBatchSize));
    for (std::int64_t i = 0; i < array.size(); ++i) {
      array[i] = 2 * uniform(name_key(info.name), static_cast<std::uint64_t>(i)) - 1;
    }
    values[info.name] = std::move(array);
  }
  return values;
}

double value_of(const Graph& graph, TensorId tensor, const std::map<std::string, Array>& values) {
  return interpret(graph, values, {.batch = kBatchSize, .keep_all = true})
      .at(graph.tensor(tensor).name)[0];
}

/// Central differences with h = 1e-5 err by about 1e-10.
void expect_gradients_are_differences(Graph graph, TensorId loss,
                                      const std::vector<TensorId>& wrt) {
  std::map<std::string, Array> values = random_values(graph);
  const std::vector<TensorId> gradients = differentiate(graph, loss, wrt);
  graph.verify();
  const auto computed = interpret(graph, values, {.batch = kBatchSize, .keep_all = true});
  constexpr double kStep = 1e-5;
  for (std::size_t t = 0; t < wrt.size(); ++t) {
    const std::string& name = graph.tensor(wrt[t]).name;
    ASSERT_TRUE(gradients[t]) << name;
    const Array& gradient = computed.at(graph.tensor(gradients[t]).name);
    Array& array = values.at(name);
    ASSERT_EQ(gradient.shape, array.shape) << name;
    for (std::int64_t i = 0; i < array.size(); ++i) {
      const double x = array[i];
      array[i] = x + kStep;
      const double above = value_of(graph, loss, values);
      array[i] = x - kStep;
      const double below = value_of(graph, loss, values);
      array[i] = x;
      EXPECT_NEAR(gradient[i], (above - below) / (2 * kStep), 1e-8) << name << '[' << i << ']';
    }
  }
}

TEST(Differentiate, AddsUpWhatReadersOfATensorContribute) {
  Graph graph("net");
  const TensorId x = graph.add_input("x", {kN, 4});
  const TensorId w = graph.add_parameter("w", {4});
  const TensorId scaled = ops::multiply(graph, "scaled", x, w);
  const TensorId squared = ops::multiply(graph, "squared", scaled, scaled);
  const TensorId bent = ops::activate(graph, "bent", scaled, ops::Function::kTanh);
  const TensorId sum = ops::add(graph, "sum", ops::add(graph, "both", squared, bent), w);
  const TensorId loss = ops::mean_squared_error(graph, "loss", sum, x);
  expect_gradients_are_differences(graph, loss, {w, x});
}

TEST(Differentiate, GoesThroughSeveralSteps) {
  Graph graph("net");
  const TensorId x = graph.add_input("x", {kN, 4});
  const TensorId first = graph.add_parameter("first", {5, 4});
  const TensorId second = graph.add_parameter("second", {4, 5});
  const TensorId bias = graph.add_parameter("bias", {4});
  TensorId y = ops::linear(graph, "fc1", x, first);
  y = ops::batch_norm(graph, "bn", {.x = y, .weight = graph.add_parameter("gamma", {5})},
                      {.update_running = false});
  y = ops::activate(graph, "silu", y, ops::Function::kSilu);
  y = ops::add(graph, "skip", ops::linear(graph, "fc2", y, second, bias), x);
  const TensorId loss = ops::mean_squared_error(graph, "loss", y, graph.add_input("t", {kN, 4}));
  expect_gradients_are_differences(
      graph, loss, {first, second, bias, graph.tensor("gamma"), x, graph.tensor("t")});
}

TEST(Differentiate, TakesATensorInBetween) {
  Graph graph("net");
  const TensorId x = graph.add_input("x", {kN, 4});
  const TensorId y = ops::activate(graph, "y", x, ops::Function::kTanh);
  const TensorId target = graph.add_input("target", {kN, 4});
  const TensorId loss = ops::mean_squared_error(graph, "loss", y, target);
  const TensorId wrt[] = {y, loss};
  const auto gradients = differentiate(graph, loss, wrt);
  const auto values =
      interpret(graph, random_values(graph), {.batch = kBatchSize, .keep_all = true});
  const Array& dy = values.at(graph.tensor(gradients[0]).name);
  for (std::int64_t i = 0; i < dy.size(); ++i) {
    EXPECT_NEAR(dy[i], 2 * (values.at("y")[i] - values.at("target")[i]) / 12, 1e-12);
  }
  EXPECT_EQ(values.at(graph.tensor(gradients[1]).name)[0], 1) << "of the loss itself";
  EXPECT_FALSE(graph.find_node("y.dx")) << "nobody needs what is before";
}

TEST(Differentiate, GivesNoneWhereTheLossDoesNotDepend) {
  Graph graph("net");
  const TensorId x = graph.add_input("x", {kN, 4});
  const TensorId w = graph.add_parameter("w", {4});
  const TensorId unread = graph.add_parameter("unread", {4});
  const TensorId aside = graph.add_parameter("aside", {4});
  ops::multiply(graph, "to nowhere", x, aside);
  const TensorId loss =
      ops::mean_squared_error(graph, "loss", ops::multiply(graph, "scaled", x, w), x);
  const TensorId wrt[] = {unread, w, aside};
  const auto gradients = differentiate(graph, loss, wrt);
  EXPECT_FALSE(gradients[0]);
  EXPECT_TRUE(gradients[1]);
  EXPECT_FALSE(gradients[2]);
  graph.verify();
}

/// x → fc1 → relu1 → fc2 → loss: without the gradients of fc1, nothing before fc2 has one.
TEST(Differentiate, WritesNoNodesThatOnlyFrozenParametersNeed) {
  Graph graph("net");
  const TensorId x = graph.add_input("x", {kN, 4});
  const TensorId first = graph.add_parameter("fc1.weight", {5, 4});
  const TensorId second = graph.add_parameter("fc2.weight", {4, 5});
  const TensorId hidden =
      ops::activate(graph, "relu1", ops::linear(graph, "fc1", x, first), ops::Function::kRelu);
  const TensorId loss =
      ops::mean_squared_error(graph, "loss", ops::linear(graph, "fc2", hidden, second), x);
  const auto backward_of = [&](const std::vector<TensorId>& wrt) {
    Graph differentiated = graph;
    differentiate(differentiated, loss, wrt);
    std::vector<std::string> names;
    for (std::size_t n = graph.nodes().size(); n < differentiated.nodes().size(); ++n) {
      names.push_back(differentiated.nodes()[n].name);
    }
    return names;
  };
  for (const std::string& node : backward_of({second})) {
    EXPECT_FALSE(node.starts_with("fc1") || node.starts_with("relu1")) << node;
  }
  EXPECT_EQ(backward_of({second}).size() + 3, backward_of({first, second}).size())
      << "dx of fc2, relu1, and the weight gradient of fc1";
}

TEST(Differentiate, NeedsALossOfOneElement) {
  Graph graph("net");
  const TensorId x = graph.add_input("x", {kN, 4});
  const TensorId w = graph.add_parameter("w", {4});
  const TensorId y = ops::multiply(graph, "y", x, w);
  const TensorId wrt[] = {w};
  const std::string before = graph.dump();
  EXPECT_THAT(message_of([&] { differentiate(graph, y, wrt); }),
              AllOf(HasSubstr("graph 'net': the loss 'y' has shape (N, 4)"),
                    HasSubstr("take a mean or a sum")));
  EXPECT_NE(message_of([&] { differentiate(graph, w, wrt); }), "no error") << "four elements";
  EXPECT_EQ(graph.dump(), before);
}

TEST(Differentiate, TakesAGraphAgain) {
  Graph graph("net");
  const TensorId x = graph.add_input("x", {kN, 4});
  const TensorId w = graph.add_parameter("w", {4});
  const TensorId y = ops::add(graph, "y", ops::multiply(graph, "scaled", x, w), w);
  const TensorId loss = ops::mean_squared_error(graph, "loss", y, x);
  const TensorId other = ops::mean_squared_error(graph, "other", y, graph.add_input("t", {kN, 4}));
  const TensorId wrt[] = {w};
  const TensorId once = differentiate(graph, loss, wrt)[0];
  const TensorId again = differentiate(graph, loss, wrt)[0];
  EXPECT_NE(again, once);
  EXPECT_EQ(graph.tensor(again).name, graph.tensor(once).name + "#2");
  const auto values =
      interpret(graph, random_values(graph), {.batch = kBatchSize, .keep_all = true});
  EXPECT_EQ(values.at(graph.tensor(again).name).values, values.at(graph.tensor(once).name).values);
  expect_gradients_are_differences(graph, other, {w, x});
}

TEST(Differentiate, OfAGradientIsAnErrorThatNamesItsNode) {
  Graph graph("net");
  const TensorId x = graph.add_input("x", {kN, 4});
  const TensorId w = graph.add_parameter("w", {4});
  const TensorId y =
      ops::activate(graph, "y", ops::multiply(graph, "scaled", x, w), ops::Function::kTanh);
  const TensorId wrt[] = {w};
  const TensorId gradient =
      differentiate(graph, ops::mean_squared_error(graph, "loss", y, x), wrt)[0];
  const TensorId penalty = ops::mean_squared_error(graph, "penalty", gradient, w);
  const std::string before = graph.dump();
  EXPECT_THAT(message_of([&] { differentiate(graph, penalty, wrt); }),
              AllOf(HasSubstr("graph 'net', node '"), HasSubstr("has no gradient")));
  EXPECT_EQ(graph.dump(), before);
}

TEST(Differentiate, NamesAnOperationWithoutGradient) {
  Graph graph("net");
  const TensorId w = graph.add_parameter("w", {4});
  const TensorId norm = ops::gradient_norm(graph, "norm", std::vector<TensorId>{w});
  const TensorId wrt[] = {w};
  const std::string before = graph.dump();
  EXPECT_THAT(message_of([&] { differentiate(graph, norm, wrt); }),
              AllOf(HasSubstr("graph 'net', node 'norm'"),
                    HasSubstr("gradient_norm has no gradient"), HasSubstr("freeze")));
  EXPECT_EQ(graph.dump(), before);
}

TEST(Differentiate, KnowsTensorsOfTheGraphAlone) {
  Graph graph("net");
  const TensorId w = graph.add_parameter("w", {});
  const TensorId foreign[] = {TensorId{9}};
  const TensorId own[] = {w};
  EXPECT_THAT(message_of([&] { differentiate(graph, w, foreign); }),
              AllOf(HasSubstr("graph 'net'"), HasSubstr("number 9 of 1 tensors")));
  EXPECT_THAT(message_of([&] { differentiate(graph, {}, own); }),
              AllOf(HasSubstr("graph 'net'"), HasSubstr("the loss")));
}

}  // namespace
}  // namespace equipoise
