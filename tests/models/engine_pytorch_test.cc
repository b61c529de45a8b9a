/// Whole networks in the engine's f32, in training and inference, against PyTorch in f64
/// (pytorch_networks.py has run before). Per tensor the largest error is at most 3 times that of
/// PyTorch's own f32, and 1e-6 of the norm of what is compared: all gradients together, or the
/// output itself.

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "equipoise/session.h"
#include "models/network_oracle.h"

namespace equipoise::testing {
namespace {

/// A network in the engine, and how far it is from PyTorch.
class EngineRun {
 public:
  EngineRun(const NetworkCase& network, OracleFile oracle)
      : oracle_(std::move(oracle)), graph_(build_model(network.model, network.options)) {
    add_classification_loss(graph_, 0.1);
    values_ = given_values(graph_, oracle_);
  }

  std::vector<std::string> names(std::string_view prefix) const { return oracle_.names(prefix); }

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
      const double d = std::abs(static_cast<double>(values[i]) - truth.values[i]);
      if (!(d <= error)) error = d;
    }
    return error;
  }
  /// The same of PyTorch's own f32.
  double pytorch_error(const std::string& name) { return oracle_.read("error/" + name)[0]; }

  void expect_close(const std::string& name, std::span<const float> values, double norm) {
    EXPECT_LE(error_of(name, values), 3 * pytorch_error(name) + 1e-6 * norm) << name;
  }

  double rate() { return oracle_.read("sgd/rate")[0]; }

  double norm_of(const std::string& name) {
    double sum = 0;
    for (const double v : oracle_.read(name).values) sum += v * v;
    return std::sqrt(sum);
  }

 private:
  OracleFile oracle_;
  Graph graph_;
  std::map<std::string, Array> values_;
  std::vector<std::vector<float>> numbers_;
  std::vector<std::vector<std::int32_t>> indices_;
};

TEST_P(NetworkOracle, EngineTrainingIsThatOfPyTorch) {
  EngineRun run(GetParam(), oracle());
  // A learning rate of 0 leaves the parameters, and commits the running statistics.
  Session session =
      run.session({.optimizer = ops::SgdOptions{}, .gradients = {"*weight", "*bias"}});
  const StepResult step = session.train(run.inputs(), {.rate = 0});
  ASSERT_TRUE(step.updated) << step.refusal;

  run.expect_close("training/logits", step.results.values("logits"),
                   run.norm_of("training/logits"));
  run.expect_close("training/loss", step.results.values("loss"), run.norm_of("training/loss"));
  const std::vector<std::string> parameters = run.names("training/gradient/");
  double squares = 0;
  for (const std::string& name : parameters) {
    squares += std::pow(run.norm_of("training/gradient/" + name), 2);
  }
  EXPECT_NEAR(step.gradient_norm, std::sqrt(squares), 1e-4 * std::sqrt(squares));
  for (const std::string& name : parameters) {
    run.expect_close("training/gradient/" + name, step.results.values(name + ".gradient"),
                     std::sqrt(squares));
  }
  for (const std::string& name : run.names("training/state/")) {
    run.expect_close("training/state/" + name, session.state().values(name),
                     run.norm_of("training/state/" + name));
  }
}

TEST_P(NetworkOracle, EngineInferenceIsThatOfPyTorch) {
  EngineRun run(GetParam(), oracle());
  Session session = run.session();
  const Results results = session.run(run.inputs());
  run.expect_close("inference/logits", results.values("logits"), run.norm_of("inference/logits"));
}

/// An error of rounding grows from step to step, by as much as the landscape makes of it, and
/// whether it tips a ReLU is chance. PyTorch's own f32 says how much is usual in this network;
/// several times that is as far as two right answers may be apart.
TEST_P(NetworkOracle, TenStepsOfSgdStayWithPyTorch) {
  EngineRun run(GetParam(), oracle());
  Session session =
      run.session({.optimizer = ops::SgdOptions{.momentum = 0.9, .weight_decay = 1e-4}});
  const std::vector<Input> inputs = run.inputs();
  const auto rate = static_cast<float>(run.rate());
  std::vector<float> losses;
  for (int step = 0; step < 10; ++step) {
    losses.push_back(static_cast<float>(session.train(inputs, {.rate = rate}).loss));
  }
  EXPECT_LT(losses.back(), losses.front());
  EXPECT_LE(run.error_of("sgd/losses", losses),
            10 * run.pytorch_error("sgd/losses") + 1e-5 * run.norm_of("sgd/losses"));
  for (const std::string& name : run.names("sgd/state/")) {
    const std::string of_oracle = "sgd/state/" + name;
    EXPECT_LE(run.error_of(of_oracle, session.state().values(name)),
              10 * run.pytorch_error(of_oracle) + 1e-5 * run.norm_of(of_oracle))
        << name;
  }
}

}  // namespace
}  // namespace equipoise::testing
