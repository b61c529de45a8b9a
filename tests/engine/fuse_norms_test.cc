/// Which additions and activations a normalization takes in, and which it leaves alone.

#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/compile.h"
#include "engine/passes/pass.h"
#include "equipoise/operations.h"
#include "ops/normalization.h"

namespace equipoise::testing {
namespace {

using engine::Plan;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::int64_t kN = GraphShape::kBatch;

/// A network of group normalizations of (N, 4, 5, 5), and what becomes of it.
class FuseNorms : public ::testing::Test {
 protected:
  TensorId input(const std::string& name, GraphShape shape = {kN, 4, 5, 5}) {
    return graph_.add_input(name, shape);
  }
  TensorId norm(const std::string& name, TensorId x) {
    return ops::group_norm(graph_, name, {.x = x}, 2);
  }
  TensorId add(const std::string& name, TensorId a, TensorId b) {
    return ops::add(graph_, name, a, b);
  }
  TensorId activate(const std::string& name, TensorId x, ops::Function function) {
    return ops::activate(graph_, name, x, function, 0.25F);
  }
  TensorId relu(const std::string& name, TensorId x) {
    return activate(name, x, ops::Function::kRelu);
  }

  /// Names of the nodes that are left, in order.
  std::vector<std::string> fuse(TensorId output, const std::vector<std::string>& taps = {}) {
    graph_.add_output(output);
    const SessionOptions options{.taps = taps};
    plan_ = engine::begin_plan(graph_, Mode::kInference, 2, 1, options);
    engine::fuse_norms(plan_, options);
    plan_.graph.verify();
    std::vector<std::string> names;
    for (const Node& node : plan_.graph.nodes()) names.push_back(node.name);
    return names;
  }

  const Node& fused(std::string_view name) const {
    return plan_.graph.node(*plan_.graph.find_node(name));
  }
  Activation activation(std::string_view name) const {
    return static_cast<const Norm&>(*fused(name).operation).norm().activation;
  }
  std::string residual(std::string_view name) const {
    const TensorId id = fused(name).inputs[Norm::kResidual];
    return id ? plan_.graph.tensor(id).name : "";
  }

  Graph graph_{"net"};
  Plan plan_;
};

TEST_F(FuseNorms, TakesAnActivation) {
  EXPECT_THAT(fuse(relu("relu", norm("gn", input("x")))), ElementsAre("gn"));
  EXPECT_EQ(activation("gn"), Activation::kRelu);
  EXPECT_EQ(residual("gn"), "");
  EXPECT_THAT(fused("gn").made_of, ElementsAre("gn", "relu"));
  EXPECT_EQ(plan_.graph.tensor(plan_.outputs[0].tensor).name, "relu");
}

TEST_F(FuseNorms, TakesEveryActivationThatItHas) {
  using enum ops::Function;
  TensorId x = input("x");
  const std::pair<ops::Function, Activation> pairs[] = {
      {kRelu, Activation::kRelu},           {kRelu6, Activation::kRelu6},
      {kLeakyRelu, Activation::kLeakyRelu}, {kSilu, Activation::kSilu},
      {kSigmoid, Activation::kSigmoid},     {kTanh, Activation::kTanh},
      {kHardSwish, Activation::kHardSwish}};
  for (std::size_t i = 0; i < std::size(pairs); ++i) {
    const std::string name = "gn" + std::to_string(i);
    x = activate(name + ".act", norm(name, x), pairs[i].first);
  }
  EXPECT_EQ(fuse(x).size(), std::size(pairs));
  for (std::size_t i = 0; i < std::size(pairs); ++i) {
    EXPECT_EQ(activation("gn" + std::to_string(i)), pairs[i].second);
  }
  const auto& leaky = static_cast<const Norm&>(*fused("gn2").operation).norm();
  EXPECT_EQ(leaky.negative_slope, 0.25F);
}

TEST_F(FuseNorms, LeavesActivationsThatItLacks) {
  const TensorId x = activate("gelu", norm("a", input("x")), ops::Function::kGelu);
  const TensorId y = activate("hard_sigmoid", norm("b", x), ops::Function::kHardSigmoid);
  EXPECT_THAT(fuse(y), ElementsAre("a", "gelu", "b", "hard_sigmoid"));
  EXPECT_THAT(fused("a").made_of, IsEmpty());
}

TEST_F(FuseNorms, TakesAnAdditionAndAnActivation) {
  const TensorId x = input("x");
  EXPECT_THAT(fuse(relu("relu", add("add", norm("gn", x), x))), ElementsAre("gn"));
  EXPECT_EQ(residual("gn"), "x");
  EXPECT_EQ(activation("gn"), Activation::kRelu);
  EXPECT_THAT(fused("gn").made_of, ElementsAre("gn", "add", "relu"));
}

TEST_F(FuseNorms, TakesAnAdditionAlone) {
  const TensorId x = input("x");
  EXPECT_THAT(fuse(add("add", x, norm("gn", x))), ElementsAre("gn"));
  EXPECT_EQ(residual("gn"), "x");
  EXPECT_EQ(activation("gn"), Activation::kNone);
}

/// As in a residual block whose shortcut is projected, of which the branch was built first.
TEST_F(FuseNorms, TakesAnAdditionIntoTheLaterOfTwoNorms) {
  const TensorId x = input("x");
  const TensorId main = norm("main", x);
  const TensorId shortcut = norm("shortcut", x);
  EXPECT_THAT(fuse(relu("relu", add("add", main, shortcut))), ElementsAre("main", "shortcut"));
  EXPECT_EQ(residual("shortcut"), "main");
  EXPECT_EQ(residual("main"), "");
  EXPECT_THAT(fused("shortcut").made_of, ElementsAre("shortcut", "add", "relu"));
  EXPECT_THAT(fused("main").made_of, IsEmpty());
}

TEST_F(FuseNorms, TakesAnAdditionIntoTheLaterWhicheverSideItIsOn) {
  const TensorId x = input("x");
  const TensorId shortcut = norm("shortcut", x);
  const TensorId main = norm("main", x);
  EXPECT_THAT(fuse(add("add", main, shortcut)), ElementsAre("shortcut", "main"));
  EXPECT_EQ(residual("main"), "shortcut");
  EXPECT_THAT(fused("shortcut").made_of, IsEmpty());
}

TEST_F(FuseNorms, StandsWhereItsLastPartStood) {
  const TensorId x = input("x");
  const TensorId y = norm("gn", x);
  const TensorId late = activate("late", x, ops::Function::kTanh);
  EXPECT_THAT(fuse(add("add", y, late)), ElementsAre("late", "gn"));
  EXPECT_EQ(residual("gn"), "late");
}

TEST_F(FuseNorms, TakesOneAdditionOnly) {
  const TensorId x = input("x");
  const TensorId z = input("z");
  EXPECT_THAT(fuse(add("second", add("first", norm("gn", x), x), z)), ElementsAre("gn", "second"));
  EXPECT_EQ(residual("gn"), "x");
}

TEST_F(FuseNorms, TakesNothingBehindItsActivation) {
  const TensorId x = input("x");
  EXPECT_THAT(fuse(relu("second", add("add", relu("first", norm("gn", x)), x))),
              ElementsAre("gn", "add", "second"));
  EXPECT_THAT(fused("gn").made_of, ElementsAre("gn", "first"));
}

TEST_F(FuseNorms, LeavesAdditionsThatBroadcast) {
  const TensorId x = input("x");
  const TensorId row = input("row", {kN, 4, 1, 5});
  EXPECT_THAT(fuse(add("add", norm("gn", x), row)), ElementsAre("gn", "add"));
}

TEST_F(FuseNorms, LeavesAdditionsThatBroadcastTheNorm) {
  const TensorId row = norm("gn", input("row", {kN, 4, 1, 5}));
  EXPECT_THAT(fuse(add("add", row, input("x"))), ElementsAre("gn", "add"));
}

TEST_F(FuseNorms, LeavesAnAdditionOfANormToItself) {
  const TensorId y = norm("gn", input("x"));
  EXPECT_THAT(fuse(add("add", y, y)), ElementsAre("gn", "add"));
}

TEST_F(FuseNorms, KeepsATensorThatIsTapped) {
  EXPECT_THAT(fuse(relu("relu", norm("gn", input("x"))), {"gn"}), ElementsAre("gn", "relu"));
  EXPECT_EQ(activation("gn"), Activation::kNone);
  ASSERT_EQ(plan_.outputs.size(), 2U);
  EXPECT_EQ(plan_.graph.tensor(plan_.outputs[1].tensor).name, "gn");
}

TEST_F(FuseNorms, KeepsATensorBetweenThatIsTapped) {
  const TensorId x = input("x");
  EXPECT_THAT(fuse(relu("relu", add("add", norm("gn", x), x)), {"add"}), ElementsAre("gn", "relu"));
  EXPECT_EQ(residual("gn"), "x");
  EXPECT_THAT(fused("gn").made_of, ElementsAre("gn", "add"));
}

TEST_F(FuseNorms, KeepsAnOutputOfTheGraph) {
  const TensorId y = norm("gn", input("x"));
  graph_.add_output(y);
  EXPECT_THAT(fuse(relu("relu", y)), ElementsAre("gn", "relu"));
}

TEST_F(FuseNorms, LeavesANormThatTwoNodesRead) {
  const TensorId y = norm("gn", input("x"));
  const TensorId a = relu("a", y);
  EXPECT_THAT(fuse(add("add", a, activate("b", y, ops::Function::kTanh))),
              ElementsAre("gn", "a", "b", "add"));
}

TEST_F(FuseNorms, LeavesWhatIsNoNorm) {
  const TensorId x = activate("tanh", input("x"), ops::Function::kTanh);
  EXPECT_THAT(fuse(relu("relu", x)), ElementsAre("tanh", "relu"));
}

}  // namespace
}  // namespace equipoise::testing
