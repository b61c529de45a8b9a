/// Which additions and activations a convolution takes in, and that a residual which somebody reads
/// later is not written over.

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/compile.h"
#include "engine/passes/pass.h"
#include "equipoise/operations.h"
#include "equipoise/session.h"
#include "ops/convolution.h"

namespace equipoise::testing {
namespace {

using ::testing::ElementsAre;

constexpr std::int64_t kN = GraphShape::kBatch;

/// Convolutions of (N, 20, 6, 6) to the same shape.
class FuseConvolutions : public ::testing::Test {
 protected:
  TensorId convolution(const std::string& name, TensorId x) {
    const TensorId weight = graph_.add_parameter(name + ".weight", {20, 20, 3, 3},
                                                 {Initialization::Kind::kNormal, 0.1});
    return ops::convolution(graph_, name, x, weight, {}, {.padding = ops::Edges::all(1)});
  }
  TensorId add(const std::string& name, TensorId a, TensorId b) {
    return ops::add(graph_, name, a, b);
  }
  TensorId relu(const std::string& name, TensorId x) {
    return ops::activate(graph_, name, x, ops::Function::kRelu);
  }

  std::vector<std::string> fuse(TensorId output, Mode mode = Mode::kInference) {
    graph_.add_output(output);
    const SessionOptions options{.loss = graph_.tensor(output).name};
    engine::Plan plan = engine::begin_plan(graph_, mode, 2, 1, options);
    engine::fuse_convolutions(plan, options);
    plan.graph.verify();
    std::vector<std::string> names;
    for (const Node& node : plan.graph.nodes()) names.push_back(node.name);
    return names;
  }

  /// The graph's output for inputs between −1 and 1.
  std::vector<float> run(const SessionOptions& options) const {
    std::vector<float> x(std::size_t{2} * 20 * 6 * 6);
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = static_cast<float>(i * 7 % 31) / 15.5F - 1;
    }
    Session session(graph_, options);
    const Results results = session.run({{"x", {.data = x.data(), .shape = Shape{2, 20, 6, 6}}}});
    const auto values = results.values(graph_.tensor(graph_.outputs()[0]).name);
    return {values.begin(), values.end()};
  }

  Graph graph_{"net"};
  TensorId x_ = graph_.add_input("x", {kN, 20, 6, 6});
};

TEST_F(FuseConvolutions, TakesAnAdditionAndAnActivation) {
  EXPECT_THAT(fuse(relu("relu", add("add", x_, convolution("conv", x_)))), ElementsAre("conv"));
}

TEST_F(FuseConvolutions, TakesAnAdditionIntoTheLaterOfTwo) {
  const TensorId early = convolution("early", x_);
  EXPECT_THAT(fuse(add("add", early, convolution("late", early))), ElementsAre("early", "late"));
}

TEST_F(FuseConvolutions, TakesNothingBehindItsActivation) {
  EXPECT_THAT(fuse(add("add", relu("relu", convolution("conv", x_)), x_)),
              ElementsAre("conv", "add"));
}

TEST_F(FuseConvolutions, LeavesTraining) {
  EXPECT_THAT(fuse(relu("relu", convolution("conv", x_)), Mode::kTraining),
              ElementsAre("conv", "relu"));
}

/// Of the same bits of sums, for all layouts.
TEST_F(FuseConvolutions, LeavesAResidualAloneThatIsReadLater) {
  const TensorId residual = relu("first", convolution("a", x_));
  const TensorId y = relu("second", add("add", residual, convolution("b", residual)));
  const TensorId z = relu("third", add("later", convolution("c", y), residual));
  graph_.add_output(add("sum", z, residual));
  for (const Layout layout :
       {Layout::kChannelsFirst, Layout::kChannelsLast, Layout::kBlocked8, Layout::kBlocked16}) {
    const std::vector<float> fused = run({.layout = layout});
    const std::vector<float> apart = run({.layout = layout, .skip_passes = {"fuse_convolutions"}});
    EXPECT_THAT(fused, ::testing::Pointwise(::testing::FloatNear(1e-4F), apart))
        << to_string(layout);
  }
}

}  // namespace
}  // namespace equipoise::testing
