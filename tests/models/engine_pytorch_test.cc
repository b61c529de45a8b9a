/// Whole networks in the engine's f32, in training and inference, against PyTorch in f64
/// (pytorch_networks.py has run before), with lean memory too, on one thread and two, in every
/// layout. Per tensor the largest error is at most 3 times that of PyTorch's own f32, and 1e-6 of
/// the norm of what is compared: all gradients together, or the output itself. The loss is one
/// number, in which PyTorch's error may be next to nothing by chance: it is held to its logits, as
/// the textbook computes it from them, and as far from PyTorch's as theirs allow.

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "base/larger.h"
#include "equipoise/norm_summary.h"
#include "equipoise/operations.h"
#include "equipoise/session.h"
#include "models/engine_settings.h"
#include "models/network_oracle.h"
#include "norm/targets.h"
#include "operations/evaluate.h"

namespace equipoise::testing {
namespace {

constexpr double kSmoothing = 0.1;

/// A network in the engine, and how far it is from PyTorch.
class EngineRun {
 public:
  EngineRun(const NetworkCase& network, OracleFile oracle)
      : oracle_(std::move(oracle)), graph_(build_model(network.model, network.options)) {
    add_classification_loss(graph_, kSmoothing);
    values_ = given_values(graph_, oracle_);
  }

  std::vector<std::string> names(std::string_view prefix) const { return oracle_.names(prefix); }

  /// Weights and biases of normalizations are not trained.
  void freeze_norms() {
    for (const NormSummary& norm : summarize_norms(graph_)) {
      for (const std::string& name : {norm.weight, norm.bias}) {
        if (!name.empty()) graph_.set_frozen(name);
      }
    }
  }

  /// With the oracle's parameters and buffers.
  Session session(SessionOptions options = {}) {
    Session made(graph_, std::move(options));
    for (const TensorRole role : {TensorRole::kParameter, TensorRole::kBuffer}) {
      for (const TensorId id : graph_.with_role(role)) {
        const std::string& name = graph_.tensor(id).name;
        std::ranges::transform(values_.at(name).values, made.state().values(name).begin(),
                               [](double v) { return static_cast<float>(v); });
      }
    }
    return made;
  }

  /// Views of what lives as long as the test.
  std::vector<Input> inputs() {
    std::vector<Input> all;
    for (const TensorId id : graph_.with_role(TensorRole::kInput)) {
      const TensorInfo& info = graph_.tensor(id);
      const Array& array = values_.at(info.name);
      const void* data = nullptr;
      if (info.type.dtype == DType::kI32) {
        indices_.emplace_back(array.values.begin(), array.values.end());
        data = indices_.back().data();
      } else {
        numbers_.emplace_back(array.values.begin(), array.values.end());
        data = numbers_.back().data();
      }
      all.push_back({info.name, {.data = data, .shape = array.shape, .dtype = info.type.dtype}});
    }
    return all;
  }

  /// Largest difference from PyTorch in f64.
  double error_of(const std::string& name, std::span<const float> values) {
    const Array truth = oracle_.read(name);
    EXPECT_EQ(static_cast<std::int64_t>(values.size()), truth.size()) << name;
    double error = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      error = larger(error, std::abs(static_cast<double>(values[i]) - truth.values[i]));
    }
    return error;
  }
  /// The same of PyTorch's own f32.
  double pytorch_error(const std::string& name) { return oracle_.read("error/" + name)[0]; }

  void expect_close(const std::string& name, std::span<const float> values, double norm) {
    EXPECT_LE(error_of(name, values), 3 * pytorch_error(name) + 1e-6 * norm) << name;
  }

  /// Logits under prefix as close as PyTorch's, the loss that of these logits, and as close to
  /// PyTorch's as they let it be: the gradient of cross entropy, softmax − target, has absolute
  /// values that sum to 2 at most, so that the mean over samples moves by no more than twice what a
  /// logit does.
  void expect_close_loss(const std::string& prefix, const Results& results) {
    const std::span<const float> logits = results.values("logits");
    expect_close(prefix + "logits", logits, norm_of(prefix + "logits"));
    const double loss = results.values("loss")[0];
    const double rounding = 1e-6 * norm_of(prefix + "loss");
    EXPECT_NEAR(loss, loss_of(logits), rounding) << prefix << "loss";
    EXPECT_NEAR(loss, oracle_.read(prefix + "loss")[0],
                2 * error_of(prefix + "logits", logits) + rounding)
        << prefix << "loss";
  }

  double rate() { return oracle_.read("sgd/rate")[0]; }

  double norm_of(const std::string& name) {
    double sum = 0;
    for (const double v : oracle_.read(name).values) sum += v * v;
    return std::sqrt(sum);
  }

 private:
  /// By the textbook.
  double loss_of(std::span<const float> logits) const {
    const Array& labels = values_.at("labels");
    const std::int64_t samples = labels.size();
    const std::int64_t classes = static_cast<std::int64_t>(logits.size()) / samples;
    Graph graph;
    ops::cross_entropy(graph, "loss", graph.add_input("logits", {GraphShape::kBatch, classes}),
                       graph.add_input("labels", {GraphShape::kBatch}, DType::kI32), kSmoothing);
    return evaluate(graph, "loss",
                    {{"logits", array_of({samples, classes}, {logits.begin(), logits.end()})},
                     {"labels", labels}},
                    {.batch = samples})[0];
  }

  OracleFile oracle_;
  Graph graph_;
  std::map<std::string, Array> values_;
  std::vector<std::vector<float>> numbers_;
  std::vector<std::vector<std::int32_t>> indices_;
};

template <class Test>
void for_each(const std::vector<EngineSetting>& settings, const Test& test) {
  const RuntimeGuard guard;
  for (const EngineSetting& setting : settings) {
    SCOPED_TRACE(setting.name());
    set_num_threads(setting.threads);
    test(setting);
  }
}

void expect_training(EngineRun& run, const EngineSetting& setting) {
  // A learning rate of 0 leaves the parameters, and commits the running statistics.
  Session session = run.session(
      setting.with({.optimizer = ops::SgdOptions{}, .gradients = {"*weight", "*bias"}}));
  const StepResult step = session.train(run.inputs(), {.rate = 0});
  ASSERT_TRUE(step.updated) << step.refusal;

  run.expect_close_loss("training/", step.results);
  const std::vector<std::string> parameters = run.names("training/gradient/");
  double squares = 0;
  for (const std::string& name : parameters) {
    squares += std::pow(run.norm_of("training/gradient/" + name), 2);
  }
  double own_squares = 0;
  for (const std::string& name : parameters) {
    const auto gradient = step.results.values(name + ".gradient");
    run.expect_close("training/gradient/" + name, gradient, std::sqrt(squares));
    for (const float g : gradient) own_squares += static_cast<double>(g) * static_cast<double>(g);
  }
  // Of these gradients, each of which is as close to PyTorch's as rounding lets it.
  EXPECT_NEAR(step.gradient_norm, std::sqrt(own_squares), 1e-6 * std::sqrt(own_squares));
  for (const std::string& name : run.names("training/state/")) {
    run.expect_close("training/state/" + name, session.state().values(name),
                     run.norm_of("training/state/" + name));
  }
}

/// Of networks with batch normalization: freezing is of that.
class FrozenNormOracle : public NetworkOracle {};

TEST_P(FrozenNormOracle, EngineTrainingIsThatOfPyTorch) {
  EngineRun run(GetParam(), oracle());
  const std::vector<std::string> parameters = run.names("frozen/gradient/");
  ASSERT_FALSE(parameters.empty());
  run.freeze_norms();
  Session session = run.session({.optimizer = ops::SgdOptions{}, .gradients = parameters});
  const StepResult step = session.train(run.inputs(), {.rate = 0});
  ASSERT_TRUE(step.updated) << step.refusal;
  run.expect_close_loss("frozen/", step.results);
  for (const std::string& name : parameters) {
    run.expect_close("frozen/gradient/" + name, step.results.values(name + ".gradient"),
                     step.gradient_norm);
  }
  for (const std::string& name : run.names("training/state/")) {
    EXPECT_EQ(run.error_of("state/" + name, session.state().values(name)), 0) << name;
  }
}

TEST_P(NetworkOracle, EngineTrainingIsThatOfPyTorch) {
  EngineRun run(GetParam(), oracle());
  for_each(engine_settings(), [&](const EngineSetting& setting) { expect_training(run, setting); });
}

TEST_P(NetworkOracle, EngineInferenceIsThatOfPyTorch) {
  EngineRun run(GetParam(), oracle());
  for_each(engine_settings(), [&](const EngineSetting& setting) {
    if (setting.memory == MemoryMode::kLean) return;  // of training
    Session session = run.session(setting.with({.taps = {"loss"}}));
    run.expect_close_loss("inference/", session.run(run.inputs()));
  });
}

/// An error of rounding grows from step to step, by as much as the landscape makes of it, and
/// whether it tips a ReLU is chance. PyTorch's own f32 says how much is usual in this network;
/// several times that is as far as two right answers may be apart.
void expect_ten_steps(EngineRun& run, Session session, float rate, const std::string& optimizer) {
  const std::vector<Input> inputs = run.inputs();
  std::vector<float> losses;
  for (int step = 0; step < 10; ++step) {
    losses.push_back(static_cast<float>(session.train(inputs, {.rate = rate}).loss));
  }
  EXPECT_LT(losses.back(), losses.front());
  const auto expect_near = [&](const std::string& name, std::span<const float> values) {
    EXPECT_LE(run.error_of(name, values), 10 * run.pytorch_error(name) + 1e-5 * run.norm_of(name))
        << name;
  };
  expect_near(optimizer + "/losses", losses);
  for (const std::string& name : run.names(optimizer + "/state/")) {
    expect_near(optimizer + "/state/" + name, session.state().values(name));
  }
}

TEST_P(NetworkOracle, TenStepsOfSgdStayWithPyTorch) {
  EngineRun run(GetParam(), oracle());
  const SessionOptions options{.optimizer = ops::SgdOptions{.momentum = 0.9, .weight_decay = 1e-4},
                               .decay_norms_and_biases = true};
  for_each(pairwise_engine_settings(), [&](const EngineSetting& setting) {
    expect_ten_steps(run, run.session(setting.with(options)), static_cast<float>(run.rate()),
                     "sgd");
  });
}

/// Of small networks, for which PyTorch's steps are written.
std::vector<NetworkCase> cases_with_adamw() {
  std::vector<NetworkCase> cases = network_cases();
  const std::vector<NetworkCase> small = small_network_cases();
  std::erase_if(cases, [&small](const NetworkCase& network) {
    return std::ranges::find(small, network.name(), &NetworkCase::name) == small.end();
  });
  return cases;
}

class AdamWOracle : public NetworkOracle {};

TEST_P(AdamWOracle, TenStepsThatDecayWeightsAloneStayWithPyTorch) {
  EngineRun run(GetParam(), oracle());
  const SessionOptions options{
      .optimizer =
          ops::AdamWOptions{.beta1 = 0.8, .beta2 = 0.9, .epsilon = 1e-3, .weight_decay = 0.5}};
  for_each(pairwise_engine_settings(), [&](const EngineSetting& setting) {
    expect_ten_steps(run, run.session(setting.with(options)), 0.002F, "adamw");
  });
}

std::vector<NetworkCase> cases_with_batch_norm() {
  std::vector<NetworkCase> cases = network_cases();
  std::erase_if(cases,
                [](const NetworkCase& network) { return network.norm != ModelNorm::Kind::kBatch; });
  return cases;
}

INSTANTIATE_TEST_SUITE_P(, AdamWOracle, ::testing::ValuesIn(cases_with_adamw()),
                         [](const auto& tested) { return tested.param.name(); });

INSTANTIATE_TEST_SUITE_P(, FrozenNormOracle, ::testing::ValuesIn(cases_with_batch_norm()),
                         [](const auto& tested) { return tested.param.name(); });

}  // namespace
}  // namespace equipoise::testing

// The program of large networks has none.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(AdamWOracle);
