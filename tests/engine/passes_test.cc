/// Each pass leaves a graph that holds together and computes, in f64, what the model computes.

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <tuple>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "engine/compile.h"
#include "engine/networks.h"
#include "engine/onednn/threads.h"
#include "engine/passes/pass.h"
#include "equipoise/runtime.h"
#include "graph/interpreter.h"

namespace equipoise::testing {
namespace {

using engine::Pass;
using engine::Plan;
using Values = std::map<std::string, Array>;

constexpr std::uint64_t kRandomKey = 11;
constexpr double kRate = 0.125;
constexpr ops::SgdOptions kSgd = {.momentum = 0.5, .weight_decay = 0.25};

class PassesOf : public ::testing::TestWithParam<std::tuple<std::string, ModelNorm::Kind, Mode>> {
 protected:
  const std::string& name() const { return std::get<0>(GetParam()); }
  ModelNorm::Kind norm() const { return std::get<1>(GetParam()); }
  Mode mode() const { return std::get<2>(GetParam()); }
};

Values interpreted(const Graph& graph, const Values& values) {
  return interpret(graph, values, {.batch = kBatchOfNetworks, .random_key = kRandomKey});
}

/// The model itself, by the names that a run gives results under.
Values inference_of(const Graph& model, const Values& values) {
  Values result = interpreted(model, values);
  result.erase("loss");
  return result;
}

/// Loss and logits, all gradients, and parameters and velocities behind the update.
Values training_of(const Graph& model, const Values& values) {
  Graph graph = model;
  std::vector<TensorId> wrt = graph.with_role(TensorRole::kParameter);
  for (const TensorId id : graph.with_role(TensorRole::kInput)) {
    if (graph.tensor(id).type.dtype == DType::kF32) wrt.push_back(id);
  }
  const std::vector<TensorId> gradients = differentiate(graph, graph.tensor("loss"), wrt);
  for (const TensorId id : gradients) {
    if (id) graph.add_output(id);
  }
  const Values computed = interpreted(graph, values);
  Values result = {{"logits", computed.at("logits")}, {"loss", computed.at("loss")}};
  for (std::size_t i = 0; i < wrt.size(); ++i) {
    if (!gradients[i]) continue;
    const std::string& tensor = graph.tensor(wrt[i]).name;
    const Array& gradient = computed.at(graph.tensor(gradients[i]).name);
    result[tensor + ".gradient"] = gradient;
    if (graph.tensor(wrt[i]).role != TensorRole::kParameter) continue;
    Array parameter = values.at(tensor);
    Array velocity = values.at(tensor + ".momentum");
    for (std::int64_t k = 0; k < parameter.size(); ++k) {
      velocity[k] = kSgd.momentum * velocity[k] + gradient[k] + kSgd.weight_decay * parameter[k];
      parameter[k] -= kRate * velocity[k];
    }
    result[tensor] = std::move(parameter);
    result[tensor + ".momentum"] = std::move(velocity);
  }
  return result;
}

/// What the update needs besides the model's own values.
void add_optimizer_values(const Graph& model, Values& values) {
  values["learning rate"] = Array(Shape{});
  values["learning rate"][0] = kRate;
  values["scale of gradients"] = Array(Shape{});
  values["scale of gradients"][0] = 1;
  for (const TensorId id : model.with_role(TensorRole::kParameter)) {
    Array& velocity = values[model.tensor(id).name + ".momentum"];
    velocity = values.at(model.tensor(id).name);
    std::ranges::reverse(velocity.values);
  }
}

/// What the plan's graph computes as it is now, by the names that a run gives it under.
Values results_of(const Plan& plan, const Values& values) {
  const Values computed = interpreted(plan.graph, values);
  Values results;
  for (const Plan::Output& output : plan.outputs) {
    results[output.name] = computed.at(plan.graph.tensor(output.tensor).name);
  }
  for (const Node& node : plan.graph.nodes()) {
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      const int updated = node.operation->updates(static_cast<int>(i));
      if (updated < 0 || !node.outputs[i]) continue;
      const std::string& kept =
          plan.graph.tensor(node.inputs[static_cast<std::size_t>(updated)]).name;
      results[kept] = computed.at(kept);
    }
  }
  return results;
}

TEST_P(PassesOf, EachLeavesResultsAsTheyWere) {
  const SmallNetwork model = small_network(name(), norm());
  Values values = values_of(model.graph);
  Values expected;
  if (mode() == Mode::kTraining) {
    add_optimizer_values(model.graph, values);
    expected = training_of(model.graph, values);
  } else {
    expected = inference_of(small_network_in_inference(name(), norm()).graph, values);
  }
  const SessionOptions options{.memory = MemoryMode::kLean,
                               .optimizer = kSgd,
                               .decay_norms_and_biases = true,
                               .gradients = {"*"}};
  const engine::OneDnnThreads threads(num_threads());
  Plan plan = engine::begin_plan(model.graph, mode(), kBatchOfNetworks, threads.count(), options);
  bool has_gradients = false;
  for (const Pass& pass : engine::passes()) {
    SCOPED_TRACE(pass.name);
    pass.run(plan, options);
    plan.graph.verify();
    has_gradients |= pass.run == engine::add_gradients;
    const Values results = results_of(plan, values);
    for (const auto& [result, array] : results) {
      ASSERT_TRUE(expected.contains(result)) << result;
      EXPECT_LE(relative_error(array.values, expected.at(result).values), 1e-9) << result;
    }
    if (mode() == Mode::kInference || has_gradients) {
      EXPECT_EQ(results.size(), expected.size());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, PassesOf,
                         ::testing::Combine(::testing::ValuesIn(small_network_names()),
                                            ::testing::Values(ModelNorm::Kind::kBatch,
                                                              ModelNorm::Kind::kGroup,
                                                              ModelNorm::Kind::kNone),
                                            ::testing::Values(Mode::kTraining, Mode::kInference)),
                         [](const auto& tested) {
                           return fmt::format("{}_{}_{}", std::get<0>(tested.param),
                                              to_string(std::get<1>(tested.param)),
                                              to_string(std::get<2>(tested.param)));
                         });

TEST(Passes, AreThoseOfTheirPage) {
  std::ifstream file(EQUIPOISE_SOURCE_DIR "/docs/engine.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  std::size_t table = page.find("## Passes");
  std::size_t plan = 0;
  for (const Pass& pass : engine::passes()) {
    plan = page.find(fmt::format("  pass {} ", pass.name), plan);
    EXPECT_NE(plan, std::string::npos) << pass.name;
    table = page.find(fmt::format("| `{}` |", pass.name), table);
    EXPECT_NE(table, std::string::npos) << pass.name;
  }
}

}  // namespace
}  // namespace equipoise::testing
