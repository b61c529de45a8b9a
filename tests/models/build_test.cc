/// Every network with every normalization.

#include <string>

#include <gtest/gtest.h>

#include "equipoise/models.h"

namespace equipoise {
namespace {

using enum ModelNorm::Kind;

class EveryModel : public ::testing::TestWithParam<std::string_view> {
 protected:
  /// One by one, without those that are impossible.
  template <class Check>
  static void for_each_norm(const Check& check) {
    for (const ModelNorm::Kind kind : {kBatch, kLayer, kInstance, kGroup, kRms, kNone}) {
      if (GetParam() == "mlp" && kind == kInstance) continue;
      SCOPED_TRACE(to_string(kind));
      check(kind);
    }
  }

  static Graph build(ModelNorm::Kind kind) {
    return build_model(GetParam(), {.norm = {.kind = kind}});
  }
};

TEST_P(EveryModel, TrainsOnItsLoss) {
  for_each_norm([](ModelNorm::Kind kind) {
    Graph graph = build(kind);
    EXPECT_EQ(graph.name(), GetParam());
    const TensorId loss = add_classification_loss(graph);
    EXPECT_EQ(graph.tensor(graph.outputs()[0]).name, "logits");
    EXPECT_EQ(graph.tensor(graph.outputs()[1]).name, "loss");

    const std::vector<TensorId> parameters = graph.with_role(TensorRole::kParameter);
    const std::vector<TensorId> gradients = differentiate(graph, loss, parameters);
    graph.verify();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const TensorInfo& parameter = graph.tensor(parameters[i]);
      ASSERT_TRUE(gradients[i]) << parameter.name;
      EXPECT_EQ(graph.tensor(gradients[i]).type, parameter.type) << parameter.name;
    }
  });
}

TEST_P(EveryModel, NormalizesInTheSamePlaces) {
  const auto weights = [](ModelNorm::Kind kind) {
    const Graph graph = build(kind);
    std::vector<std::string> names;
    for (const TensorId id : graph.with_role(TensorRole::kParameter)) {
      // γ is what begins as 1.
      const Initialization& initialization = graph.tensor(id).initialization;
      if (initialization.kind == Initialization::Kind::kConstant && initialization.value == 1) {
        names.push_back(graph.tensor(id).name);
      }
    }
    return names;
  };
  const std::vector<std::string> expected = weights(kBatch);
  for_each_norm([&](ModelNorm::Kind kind) {
    EXPECT_EQ(weights(kind), kind == kNone ? std::vector<std::string>{} : expected);
  });
}

INSTANTIATE_TEST_SUITE_P(, EveryModel,
                         ::testing::ValuesIn(model_names().begin(), model_names().end()),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace equipoise
