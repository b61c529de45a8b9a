/// A run with a pass left out differs from f64 by rounding, as one with all passes does.

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "engine/networks.h"
#include "engine/passes/pass.h"
#include "equipoise/session.h"
#include "graph/interpreter.h"

namespace equipoise::testing {
namespace {

using Values = std::map<std::string, Array>;

/// Of the largest element of a tensor. f32 rounds by 6e-8, and an element here is behind some ten
/// layers of sums over up to 1,000 elements: 2e-6 was measured. A ReLU or a dropped element that
/// went the other way would be 1e-3 and more.
constexpr double kTolerance = 2e-5;

/// A session with these values, and inputs for it.
class Runner {
 public:
  Runner(const Graph& graph, const Values& values, const SessionOptions& options)
      : session_(graph, options) {
    for (const auto& [name, array] : values) {
      const TensorInfo& info = graph.tensor(graph.tensor(name));
      if (info.role != TensorRole::kInput) {
        std::ranges::transform(array.values, session_.state().values(name).begin(),
                               [](double v) { return static_cast<float>(v); });
      } else if (info.type.dtype == DType::kI32) {
        auto& to = indices_[name];
        to.assign(array.values.begin(), array.values.end());
        inputs_.push_back(
            {info.name, {.data = to.data(), .shape = array.shape, .dtype = DType::kI32}});
      } else {
        auto& to = numbers_[name];
        to.assign(array.values.begin(), array.values.end());
        inputs_.push_back({info.name, {.data = to.data(), .shape = array.shape}});
      }
    }
  }

  StepResult train() { return session_.train(inputs_); }
  Results run() {
    std::erase_if(inputs_, [](const Input& input) { return input.name == "labels"; });
    return session_.run(inputs_);
  }

 private:
  Session session_;
  std::map<std::string, std::vector<float>> numbers_;
  std::map<std::string, std::vector<std::int32_t>> indices_;
  std::vector<Input> inputs_;
};

void expect_close(std::span<const float> actual, const Array& expected, const std::string& name) {
  const std::vector<double> wide(actual.begin(), actual.end());
  EXPECT_LE(relative_error(wide, expected.values), kTolerance) << name;
}

/// The passes to leave out, one at a time, none and all.
std::vector<std::vector<std::string>> choices() {
  std::vector<std::vector<std::string>> choices = {{}};
  std::vector<std::string> all;
  for (const engine::Pass& pass : engine::passes()) {
    if (!pass.skippable) continue;
    choices.push_back({std::string(pass.name)});
    all.emplace_back(pass.name);
  }
  choices.push_back(all);
  return choices;
}

class SkippedPasses : public ::testing::TestWithParam<std::tuple<std::string, ModelNorm::Kind>> {
 protected:
  const std::string& name() const { return std::get<0>(GetParam()); }
  ModelNorm::Kind norm() const { return std::get<1>(GetParam()); }
};

TEST_P(SkippedPasses, ChangeTrainingByRounding) {
  const Graph model = small_network(name(), norm()).graph;
  const Values values = values_of(model);
  Graph graph = model;
  const std::vector<TensorId> wrt = graph.with_role(TensorRole::kParameter);
  const std::vector<TensorId> gradients = differentiate(graph, graph.tensor("loss"), wrt);
  for (const TensorId id : gradients) graph.add_output(id);
  const SessionOptions options{.gradients = {"*"}, .seed = 9};
  const Values truth = interpret(
      graph, values, {.batch = kBatchOfNetworks, .random_key = step_key(options.seed, 1)});
  for (const std::vector<std::string>& skipped : choices()) {
    SCOPED_TRACE(fmt::format("without {}", fmt::join(skipped, ", ")));
    SessionOptions with_skipped = options;
    with_skipped.skip_passes = skipped;
    Runner runner(model, values, with_skipped);
    const StepResult step = runner.train();
    EXPECT_EQ(step.refusal, "");
    expect_close(step.results.values("logits"), truth.at("logits"), "logits");
    expect_close(step.results.values("loss"), truth.at("loss"), "loss");
    for (std::size_t i = 0; i < wrt.size(); ++i) {
      const std::string result = graph.tensor(wrt[i]).name + ".gradient";
      expect_close(step.results.values(result), truth.at(graph.tensor(gradients[i]).name), result);
    }
  }
}

TEST_P(SkippedPasses, ChangeInferenceByRounding) {
  const Graph model = small_network(name(), norm()).graph;
  const Values values = values_of(model);
  const Values truth = interpret(small_network_in_inference(name(), norm()).graph, values,
                                 {.batch = kBatchOfNetworks});
  for (const std::vector<std::string>& skipped : choices()) {
    SCOPED_TRACE(fmt::format("without {}", fmt::join(skipped, ", ")));
    Runner runner(model, values, {.skip_passes = skipped});
    expect_close(runner.run().values("logits"), truth.at("logits"), "logits");
  }
}

INSTANTIATE_TEST_SUITE_P(, SkippedPasses,
                         ::testing::Combine(::testing::ValuesIn(small_network_names()),
                                            ::testing::Values(ModelNorm::Kind::kBatch,
                                                              ModelNorm::Kind::kGroup,
                                                              ModelNorm::Kind::kNone)),
                         [](const auto& tested) {
                           return fmt::format("{}_{}", std::get<0>(tested.param),
                                              to_string(std::get<1>(tested.param)));
                         });

}  // namespace
}  // namespace equipoise::testing
