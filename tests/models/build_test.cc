/// Every network with every normalization.

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "equipoise/models.h"

namespace equipoise {
namespace {

using enum ModelNorm::Kind;

constexpr ModelNorm::Kind kKinds[] = {kBatch, kLayer, kInstance, kGroup, kRms, kNone};

class EveryModel : public ::testing::TestWithParam<std::tuple<std::string_view, ModelNorm::Kind>> {
 protected:
  std::string_view name() const { return std::get<0>(GetParam()); }
  ModelNorm::Kind kind() const { return std::get<1>(GetParam()); }
  bool impossible() const { return name() == "mlp" && kind() == kInstance; }
};

TEST_P(EveryModel, TrainsOnItsLoss) {
  if (impossible()) GTEST_SKIP() << "one value per group";
  Graph graph = build_model(name(), {.norm = {.kind = kind()}});
  EXPECT_EQ(graph.name(), name());
  const TensorId loss = add_classification_loss(graph);
  graph.verify();
  EXPECT_EQ(graph.tensor(graph.outputs()[0]).name, "logits");
  EXPECT_EQ(graph.tensor(graph.outputs()[1]).name, "loss");

  const std::vector<TensorId> parameters = graph.with_role(TensorRole::kParameter);
  const std::vector<TensorId> gradients = differentiate(graph, loss, parameters);
  graph.verify();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    ASSERT_TRUE(gradients[i]) << graph.tensor(parameters[i]).name;
    EXPECT_EQ(graph.tensor(gradients[i]).type, graph.tensor(parameters[i]).type)
        << graph.tensor(parameters[i]).name;
  }
}

TEST_P(EveryModel, NormalizesInTheSamePlaces) {
  if (impossible()) GTEST_SKIP() << "one value per group";
  const auto norms = [&](ModelNorm::Kind kind) {
    const Graph graph = build_model(name(), {.norm = {.kind = kind}});
    std::vector<std::string> names;
    for (const TensorId id : graph.with_role(TensorRole::kParameter)) {
      // γ is what begins as 1.
      const TensorInfo& info = graph.tensor(id);
      if (info.initialization.kind == Initialization::Kind::kConstant &&
          info.initialization.value == 1) {
        names.push_back(info.name);
      }
    }
    return names;
  };
  EXPECT_EQ(norms(kind()), kind() == kNone ? std::vector<std::string>{} : norms(kBatch));
}

INSTANTIATE_TEST_SUITE_P(, EveryModel,
                         ::testing::Combine(::testing::ValuesIn(model_names().begin(),
                                                                model_names().end()),
                                            ::testing::ValuesIn(kKinds)),
                         [](const auto& tested) {
                           return fmt::format("{}_{}", std::get<0>(tested.param),
                                              to_string(std::get<1>(tested.param)));
                         });

}  // namespace
}  // namespace equipoise
