/// The textbook of the normalization nodes against the kernels, which have references of their own:
/// two accounts of equipoise/norm.h that were written apart.

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "equipoise/norm.h"
#include "equipoise/operations.h"
#include "graph/interpreter.h"
#include "operations/descriptor.h"
#include "ops/normalization.h"
#include "ops/normalization_record.h"

namespace equipoise::testing {
namespace {

std::vector<float> to_f32(const Array& array) { return {array.values.begin(), array.values.end()}; }

/// Values as the kernels see them, so that rounding them is no difference.
std::map<std::string, Array> rounded_inputs(const Graph& graph, const OperationTest& test) {
  std::map<std::string, Array> values = fill_inputs(graph, test);
  for (auto& [name, array] : values) {
    for (double& value : array.values) value = double{static_cast<float>(value)};
  }
  return values;
}

class KernelRun {
 public:
  KernelRun(const Graph& graph, const std::map<std::string, Array>& values)
      : norm_(dynamic_cast<const Norm&>(*graph.nodes()[0].operation).norm()) {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const TensorId id = graph.nodes()[0].inputs[i];
      if (id) inputs_[i] = to_f32(values.at(graph.tensor(id).name));
    }
    shape_ = values.at("x").shape;
    y_.resize(inputs_[Norm::kX].size());
  }

  const std::vector<float>& forward() {
    const NormForward arguments{.x = view(inputs_[Norm::kX]),
                                .y = view(y_),
                                .weight = inputs_[Norm::kWeight],
                                .bias = inputs_[Norm::kBias],
                                .epsilon = norm_.epsilon,
                                .activation = norm_.activation,
                                .negative_slope = norm_.negative_slope,
                                .residual = view(inputs_[Norm::kResidual]),
                                .position_weights = inputs_[Norm::kPositionWeights]};
    switch (norm_.kind) {
      case NormKind::kBatch:
        batch_norm(arguments,
                   {.statistics = norm_.statistics,
                    .running_mean = inputs_[Norm::kRunningMean],
                    .running_var = inputs_[Norm::kRunningVar],
                    .pseudo_count = norm_.pseudo_count,
                    .ghost_batch_size = norm_.ghost_batch_size,
                    .renorm = norm_.renorm,
                    .collect_moments = norm_.statistics == Statistics::kRunning},
                   &record_);
        break;
      case NormKind::kInstance:
        instance_norm(arguments, &record_);
        break;
      case NormKind::kGroup:
        group_norm(arguments, norm_.groups, &record_);
        break;
      case NormKind::kLayer:
        layer_norm(arguments, norm_.axes, &record_);
        break;
      case NormKind::kRms:
        rms_norm(arguments, norm_.axes, &record_);
        break;
    }
    return y_;
  }

  /// By the names of NormGradient's outputs; those of absent inputs are empty.
  std::map<std::string, std::vector<float>> backward(const Array& gradient) {
    std::vector<float> dy = to_f32(gradient);
    std::vector<float> dx(dy.size());
    std::vector<float> dresidual(inputs_[Norm::kResidual].size());
    std::vector<float> dweight(inputs_[Norm::kWeight].size());
    std::vector<float> dbias(inputs_[Norm::kBias].size());
    norm_backward({.x = view(inputs_[Norm::kX]),
                   .dy = view(dy),
                   .dx = view(dx),
                   .dresidual = view(dresidual),
                   .residual = view(inputs_[Norm::kResidual]),
                   .weight = inputs_[Norm::kWeight],
                   .bias = inputs_[Norm::kBias],
                   .position_weights = inputs_[Norm::kPositionWeights],
                   .dweight = dweight,
                   .dbias = dbias},
                  record_);
    return {{"y.gradient", dx},
            {"y.gradient:dresidual", dresidual},
            {"y.gradient:dweight", dweight},
            {"y.gradient:dbias", dbias}};
  }

  const NormRecord& record() const { return record_; }

 private:
  TensorView view(std::vector<float>& values) const {
    return values.empty() ? TensorView{} : TensorView{.data = values.data(), .shape = shape_};
  }

  NormAttributes norm_;
  std::array<std::vector<float>, 7> inputs_;
  Shape shape_;
  std::vector<float> y_;
  NormRecord record_;
};

void expect_near(const std::string& what, const std::vector<float>& fast, const Array& textbook) {
  ASSERT_EQ(fast.size(), textbook.values.size()) << what;
  double largest = 1e-3;
  for (const double value : textbook.values) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < fast.size(); ++i) {
    ASSERT_NEAR(double{fast[i]}, textbook.values[i], 1e-5 * largest) << what << ", element " << i;
  }
}

void expect_agreement(const OperationTest& test) {
  SCOPED_TRACE(test.name);
  Graph graph("test");
  const TensorId y = test.build(graph);
  const TensorId target = graph.add_input("target", graph.tensor(y).type.shape);
  const TensorId loss = ops::mean_squared_error(graph, "loss", y, target);
  std::vector<TensorId> wrt;
  for (const char* name : {"x", "residual", "weight", "bias"}) {
    if (const auto id = graph.find_tensor(name)) wrt.push_back(*id);
  }
  differentiate(graph, loss, wrt);
  const std::map<std::string, Array> values = rounded_inputs(graph, test);
  const auto textbook = interpret(graph, values, {.batch = test.batch, .keep_all = true});

  KernelRun kernel(graph, values);
  expect_near("y", kernel.forward(), textbook.at("y"));
  for (const auto& [name, gradient] : kernel.backward(textbook.at("loss.dx"))) {
    if (!gradient.empty()) expect_near(name, gradient, textbook.at(name));
  }

  const std::vector<Moments> staged = unpack_norm_notes(textbook.at("y:record")).batch_moments();
  const std::span<const Moments> moments = kernel.record().moments();
  if (moments.empty()) return;
  ASSERT_EQ(moments.size(), staged.size());
  for (std::size_t g = 0; g < moments.size(); ++g) {
    EXPECT_NEAR(moments[g].count, staged[g].count, 1e-9);
    EXPECT_NEAR(moments[g].mean, staged[g].mean, 1e-6);
    EXPECT_NEAR(moments[g].m2, staged[g].m2, 1e-5 * (1 + staged[g].m2));
  }
}

TEST(NormAgreement, TextbookAndKernelsComputeTheSame) {
  for (const OperationTest& test : norm_tests()) {
    const bool is_repeat = test.name.find("_repeat") != std::string::npos;  // compared in norm/
    if (!is_repeat) expect_agreement(test);
  }
}

TEST(NormAgreement, AlsoWhereRenormIsNotClipped) {
  expect_agreement({.name = "renorm",
                    .build =
                        [](Graph& graph) {
                          return ops::batch_norm(
                              graph, "y",
                              {.x = graph.add_input("x", {GraphShape::kBatch, 17, 5}),
                               .weight = graph.add_parameter("weight", {17}),
                               .bias = graph.add_parameter("bias", {17}),
                               .running_mean = graph.add_buffer("running_mean", {17}),
                               .running_var = graph.add_buffer("running_var", {17})},
                              {.ghost_batch_size = 4, .renorm = Renorm{}});
                        },
                    .batch = 11,
                    .fills = {{"running_var", {.low = 0.2, .high = 0.6}}}});
}

}  // namespace
}  // namespace equipoise::testing
