#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/compile.h"
#include "engine/passes/pass.h"
#include "equipoise/operations.h"

namespace equipoise::testing {
namespace {

using engine::Plan;
using ::testing::ElementsAre;

constexpr std::int64_t kN = GraphShape::kBatch;

class FoldConstants : public ::testing::Test {
 protected:
  std::vector<std::string> fold(Mode mode = Mode::kInference) {
    const SessionOptions options{.loss = "y"};
    plan_ = engine::begin_plan(graph_, mode, 2, 1, options);
    engine::fold_constants(plan_, options);
    plan_.graph.verify();
    std::vector<std::string> names;
    for (const Node& node : plan_.graph.nodes()) names.push_back(node.name);
    return names;
  }

  Graph graph_{"net"};
  Plan plan_;
};

TEST_F(FoldConstants, ComputesWhatReadsConstantsAlone) {
  const TensorId x = graph_.add_input("x", {kN, 2});
  const TensorId c = graph_.add_constant("c", {2}, {-3, 4});
  const TensorId relu = ops::activate(graph_, "relu", c, ops::Function::kRelu);
  const TensorId square = ops::multiply(graph_, "square", relu, relu);
  graph_.add_output(ops::add(graph_, "y", x, square));
  EXPECT_THAT(fold(), ElementsAre("y"));
  const TensorInfo& folded = plan_.graph.tensor(plan_.graph.nodes()[0].inputs[1]);
  EXPECT_EQ(folded.role, TensorRole::kConstant);
  EXPECT_THAT(*folded.values, ElementsAre(0.0F, 16.0F));
}

TEST_F(FoldConstants, LeavesParametersAlone) {
  const TensorId w = graph_.add_parameter("w", {2});
  const TensorId c = graph_.add_constant("c", {2}, {-3, 4});
  graph_.add_output(ops::add(graph_, "y", w, c));
  EXPECT_THAT(fold(), ElementsAre("y"));
}

TEST_F(FoldConstants, LeavesOutputsToTheirNodes) {
  const TensorId c = graph_.add_constant("c", {2}, {-3, 4});
  graph_.add_output(ops::activate(graph_, "y", c, ops::Function::kRelu));
  EXPECT_THAT(fold(), ElementsAre("y"));
}

/// What is dropped is another thing in every step.
TEST_F(FoldConstants, LeavesWhatIsRandomInTraining) {
  const TensorId x = graph_.add_input("x", {2});
  const TensorId c = graph_.add_constant("c", {2}, {1, 1});
  const TensorId dropped = ops::dropout(graph_, "dropped", c, 0.5);
  graph_.add_output(ops::mean_squared_error(graph_, "y", x, dropped));
  EXPECT_THAT(fold(Mode::kTraining), ElementsAre("dropped", "y"));
}

}  // namespace
}  // namespace equipoise::testing
