/// Whole networks in the engine's f32, in training and inference, against PyTorch in f64
/// (pytorch_networks.py has run before). Per tensor the largest error is at most 3 times that of
/// PyTorch's own f32, and 1e-6 of the norm of what is compared: all gradients together, or the
/// output itself.

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <span>

#include <gtest/gtest.h>

#include "equipoise/session.h"
#include "models/network_cases.h"
#include "models/oracle_file.h"

namespace equipoise::testing {
namespace {

class EngineOracle : public ::testing::TestWithParam<NetworkCase> {
 protected:
  void SetUp() override {
    const std::filesystem::path path =
        std::filesystem::path(EQUIPOISE_PYTORCH_NETWORKS) / (GetParam().name() + ".bin");
    if (!std::filesystem::exists(path)) {
      ASSERT_EQ(std::getenv("EQUIPOISE_REQUIRE_ORACLES"), nullptr) << "no " << path;
      GTEST_SKIP() << "no " << path
                   << ": install python3-torchvision and run ctest, which writes it first";
    }
    oracle_ = std::make_unique<OracleFile>(path);
    graph_ = build_model(GetParam().model, GetParam().options);
    add_classification_loss(graph_, 0.1);
  }

  /// With the oracle's parameters and buffers.
  Session session(SessionOptions options = {}) {
    Session made(graph_, std::move(options));
    for (const TensorRole role : {TensorRole::kParameter, TensorRole::kBuffer}) {
      for (const TensorId id : graph_.with_role(role)) {
        const std::string& name = graph_.tensor(id).name;
        const Array values = oracle_->read("state/" + name);
        std::ranges::transform(values.values, made.state().values(name).begin(),
                               [](double v) { return static_cast<float>(v); });
      }
    }
    return made;
  }

  std::vector<Input> inputs() {
    std::vector<Input> all;
    for (const TensorId id : graph_.with_role(TensorRole::kInput)) {
      const TensorInfo& info = graph_.tensor(id);
      const Array array = oracle_->read("input/" + info.name);
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

  void expect_close(const std::string& name, std::span<const float> values, double norm) {
    const Array truth = oracle_->read(name);
    ASSERT_EQ(static_cast<std::int64_t>(values.size()), truth.size()) << name;
    double error = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double d = std::abs(static_cast<double>(values[i]) - truth.values[i]);
      if (!(d <= error)) error = d;
    }
    EXPECT_LE(error, 3 * oracle_->read("error/" + name)[0] + 1e-6 * norm) << name;
  }

  double norm_of(const std::string& name) {
    double sum = 0;
    for (const double v : oracle_->read(name).values) sum += v * v;
    return std::sqrt(sum);
  }

  Graph graph_;
  std::unique_ptr<OracleFile> oracle_;

 private:
  std::vector<std::vector<float>> numbers_;
  std::vector<std::vector<std::int32_t>> indices_;
};

TEST_P(EngineOracle, TrainingIsThatOfPyTorch) {
  // A learning rate of 0 leaves the parameters, and commits the running statistics.
  Session session =
      this->session({.optimizer = ops::SgdOptions{}, .gradients = {"*weight", "*bias"}});
  const StepResult step = session.train(inputs(), {.rate = 0});
  ASSERT_TRUE(step.updated) << step.refusal;

  expect_close("training/logits", step.results.values("logits"), norm_of("training/logits"));
  expect_close("training/loss", step.results.values("loss"), norm_of("training/loss"));
  const std::vector<std::string> parameters = oracle_->names("training/gradient/");
  double squares = 0;
  for (const std::string& name : parameters) {
    squares += std::pow(norm_of("training/gradient/" + name), 2);
  }
  EXPECT_NEAR(step.gradient_norm, std::sqrt(squares), 1e-4 * std::sqrt(squares));
  for (const std::string& name : parameters) {
    expect_close("training/gradient/" + name, step.results.values(name + ".gradient"),
                 std::sqrt(squares));
  }
  for (const std::string& name : oracle_->names("training/state/")) {
    expect_close("training/state/" + name, session.state().values(name),
                 norm_of("training/state/" + name));
  }
}

TEST_P(EngineOracle, InferenceIsThatOfPyTorch) {
  Session session = this->session();
  const Results results = session.run(inputs());
  expect_close("inference/logits", results.values("logits"), norm_of("inference/logits"));
}

const auto kName = [](const auto& tested) { return tested.param.name(); };
INSTANTIATE_TEST_SUITE_P(Small, EngineOracle, ::testing::ValuesIn(small_network_cases()), kName);
INSTANTIATE_TEST_SUITE_P(Large, EngineOracle, ::testing::ValuesIn(large_network_cases()), kName);

}  // namespace
}  // namespace equipoise::testing
