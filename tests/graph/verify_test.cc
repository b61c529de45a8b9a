/// What the verifier says, of graphs that are rewritten wrongly.

#include <functional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/graph.h"
#include "equipoise/operations.h"
#include "norm/error_message.h"
#include "ops/sgd_update.h"

namespace equipoise {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::int64_t kN = GraphShape::kBatch;

/// x → a → b → c, of which c is the output.
class Verify : public ::testing::Test {
 protected:
  Verify() {
    ops::activate(graph_, "a", graph_.add_input("x", {kN, 4}), ops::Function::kRelu);
    ops::activate(graph_, "b", graph_.tensor("a"), ops::Function::kTanh);
    ops::activate(graph_, "c", graph_.tensor("b"), ops::Function::kRelu);
    graph_.add_output(graph_.tensor("c"));
    dump_ = graph_.dump();
  }

  /// What the verifier says of the nodes as `change` leaves them.
  std::string error(const std::function<void(std::vector<Node>&)>& change) {
    std::vector<Node> nodes(graph_.nodes().begin(), graph_.nodes().end());
    change(nodes);
    std::string message = message_of([&] {
      graph_.rewrite(std::move(nodes), {graph_.outputs().begin(), graph_.outputs().end()});
    });
    EXPECT_EQ(graph_.dump(), dump_) << "an error has changed the graph";
    graph_.verify();
    return message;
  }

  TensorId tensor(std::string_view name) const { return graph_.tensor(name); }

  Graph graph_{"net"};
  std::string dump_;
};

TEST_F(Verify, ShowsACycle) {
  EXPECT_THAT(error([&](auto& nodes) { nodes[0].inputs = {tensor("c")}; }),
              AllOf(HasSubstr("graph 'net', node 'a' (activate(function=relu))"),
                    HasSubstr("cycle"), HasSubstr("a → b → c → a")));
  EXPECT_THAT(error([&](auto& nodes) { nodes[1].inputs = {tensor("b")}; }),
              AllOf(HasSubstr("node 'b'"), HasSubstr("cycle"), HasSubstr("b → b")));
}

TEST_F(Verify, NamesTheNodeThatHasToComeBefore) {
  EXPECT_THAT(
      error([](auto& nodes) { std::swap(nodes[0], nodes[1]); }),
      AllOf(HasSubstr("graph 'net', node 'b'"), HasSubstr("reads 'a'"),
            HasSubstr("node 'a' computes only later"), HasSubstr("put that one before it")));
}

TEST_F(Verify, NamesATensorThatNobodyComputes) {
  EXPECT_THAT(
      error([](auto& nodes) { nodes.erase(nodes.begin()); }),
      AllOf(HasSubstr("graph 'net', node 'b'"), HasSubstr("reads 'a', which no node computes"),
            HasSubstr("keep the one that did")));
  EXPECT_THAT(error([](auto& nodes) { nodes.pop_back(); }),
              HasSubstr("graph 'net': no node computes its output 'c'"));
}

TEST_F(Verify, NamesAnInputThatIsMissing) {
  EXPECT_THAT(error([](auto& nodes) { nodes[1].inputs = {TensorId{}}; }),
              AllOf(HasSubstr("graph 'net', node 'b'"), HasSubstr("input 'x' is missing")));
  EXPECT_THAT(error([](auto& nodes) { nodes[1].inputs = {}; }),
              AllOf(HasSubstr("node 'b'"), HasSubstr("0 inputs; it needs 1")));
  EXPECT_THAT(error([&](auto& nodes) { nodes[1].inputs.push_back(tensor("x")); }),
              AllOf(HasSubstr("node 'b'"), HasSubstr("2 inputs; it needs 1")));
}

TEST_F(Verify, NamesAnOutputThatIsMissing) {
  EXPECT_THAT(error([](auto& nodes) { nodes[2].outputs = {TensorId{}}; }),
              AllOf(HasSubstr("graph 'net', node 'c'"), HasSubstr("output 'y' is missing")));
  EXPECT_THAT(error([](auto& nodes) { nodes[2].outputs = {}; }),
              AllOf(HasSubstr("node 'c'"), HasSubstr("0 outputs; it computes 1")));
}

TEST_F(Verify, NamesBothProducersOfATensor) {
  EXPECT_THAT(error([&](auto& nodes) { nodes[1].outputs = {tensor("a")}; }),
              AllOf(HasSubstr("graph 'net', node 'b'"), HasSubstr("'a', and so does node 'a'"),
                    HasSubstr("leave one of them out")));
}

TEST_F(Verify, KeepsNodesFromComputingWhatIsGiven) {
  EXPECT_THAT(error([&](auto& nodes) { nodes[2].outputs = {tensor("x")}; }),
              AllOf(HasSubstr("graph 'net', node 'c'"), HasSubstr("'x', which is given")));
}

TEST_F(Verify, SaysBothTypes) {
  const TensorId wide = graph_.add_input("wide", {kN, 5});
  dump_ = graph_.dump();
  EXPECT_THAT(error([&](auto& nodes) { nodes[0].inputs = {wide}; }),
              AllOf(HasSubstr("graph 'net', node 'a'"), HasSubstr("'a' as f32 (N, 5)"),
                    HasSubstr("the graph has f32 (N, 4)")));
}

TEST_F(Verify, SaysWhatDoesNotFitBetweenNodes) {
  const TensorId indices = graph_.add_input("indices", {kN, 4}, DType::kI32);
  dump_ = graph_.dump();
  EXPECT_THAT(error([&](auto& nodes) { nodes[0].inputs = {indices}; }),
              AllOf(HasSubstr("graph 'net', node 'a'"), HasSubstr("x is i32; it has to be f32"),
                    HasSubstr("'indices' (N, 4)")));
}

TEST_F(Verify, NamesNodesOnce) {
  EXPECT_THAT(error([](auto& nodes) { nodes[1].name = "a"; }),
              AllOf(HasSubstr("graph 'net', node 'a'"), HasSubstr("another node has this name"),
                    HasSubstr("names are used once")));
  EXPECT_THAT(error([](auto& nodes) { nodes[1].name = ""; }), HasSubstr("it has no name"));
}

TEST_F(Verify, WantsAnOperation) {
  EXPECT_THAT(error([](auto& nodes) { nodes[1].operation = nullptr; }),
              AllOf(HasSubstr("graph 'net', node 'b'"), HasSubstr("no operation")));
}

TEST_F(Verify, KnowsTensorsOfTheGraphAlone) {
  EXPECT_THAT(error([](auto& nodes) { nodes[1].inputs = {TensorId{100}}; }),
              AllOf(HasSubstr("graph 'net', node 'b'"), HasSubstr("number 100 of 4 tensors")));
  EXPECT_THAT(message_of([&] { graph_.rewrite({}, {TensorId{100}}); }),
              AllOf(HasSubstr("graph 'net', an output"), HasSubstr("number 100 of 4 tensors")));
  EXPECT_EQ(graph_.dump(), dump_);
}

TEST(VerifyUpdates, AreOfWhatIsKept) {
  Graph graph("net");
  const TensorId x = graph.add_input("x", {4});
  const TensorId gradient = graph.add_input("gradient", {4});
  const TensorId rate = graph.add_input("rate", {});
  ops::sgd_update(graph, "update", x, gradient, {}, rate, {});
  EXPECT_THAT(message_of([&] { graph.verify(); }),
              AllOf(HasSubstr("graph 'net', node 'update'"),
                    HasSubstr("'x', which is not kept between runs"),
                    HasSubstr("make it a parameter or a buffer")));
}

TEST(VerifyUpdates, AreOfWhatIsThere) {
  Graph graph("net");
  const TensorId weight = graph.add_parameter("weight", {4});
  const TensorId gradient = graph.add_input("gradient", {4});
  const TensorId rate = graph.add_input("rate", {});
  const bool wanted[] = {true, true};
  graph.add_node("update", std::make_shared<SgdUpdate>(ops::SgdOptions{}),
                 {weight, gradient, {}, rate, {}}, wanted);
  EXPECT_THAT(message_of([&] { graph.verify(); }),
              AllOf(HasSubstr("graph 'net', node 'update'"), HasSubstr("'update:new_velocity'"),
                    HasSubstr("an input that is missing; leave the output out too")));
}

}  // namespace
}  // namespace equipoise
