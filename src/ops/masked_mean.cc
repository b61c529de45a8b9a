#include "ops/masked_mean.h"

#include <fmt/format.h>

#include "equipoise/operations.h"
#include "graph/differentiate.h"

namespace equipoise {
namespace {

/// Calls visit(index in (N, L, D), index in (N, D), share) for every element with a weight, where
/// the shares of a sample's positions are their weights over the sum.
template <typename Visit>
void for_each_share(const Array& mask, std::int64_t features, Visit visit) {
  const std::int64_t length = mask.shape[1];
  for (std::int64_t n = 0; n < mask.shape[0]; ++n) {
    double total = 0;
    for (std::int64_t l = 0; l < length; ++l) total += mask[n * length + l];
    for (std::int64_t l = 0; l < length; ++l) {
      const double weight = mask[n * length + l];
      if (weight == 0) continue;
      for (std::int64_t d = 0; d < features; ++d) {
        visit((n * length + l) * features + d, n * features + d, weight / total);
      }
    }
  }
}

}  // namespace

Signature MaskedMean::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"}, {"mask"}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<TensorType> MaskedMean::infer(InputTypes inputs) const {
  require_dtype("x", *inputs[kX], DType::kF32);
  require_dtype("mask", *inputs[kMask], DType::kF32);
  require_rank("x", *inputs[kX], 3);
  const GraphShape& x = inputs[kX]->shape;
  const GraphShape mask = {x[0], x[1]};
  if (inputs[kMask]->shape != mask) {
    fail_inference(fmt::format("x has shape {}, mask {}; mask has to be {}", to_string(x),
                               to_string(inputs[kMask]->shape), to_string(mask)));
  }
  return {{.shape = {x[0], x[2]}}};
}

void MaskedMean::evaluate(const Evaluation& evaluation) const {
  const Array& x = evaluation.input(kX);
  Array& y = evaluation.output(0);
  for_each_share(
      evaluation.input(kMask), x.shape[2],
      [&](std::int64_t in_x, std::int64_t in_y, double share) { y[in_y] += share * x[in_x]; });
}

void MaskedMean::differentiate(GradientWriter& writer) const {
  if (!writer.wants(kX)) return;
  writer.set(kX, writer.add_one("dx", std::make_shared<MaskedMeanGradient>(),
                                {writer.input(kMask), writer.output_gradient(0)}));
}

double MaskedMean::flops(std::span<const Shape* const> inputs,
                         std::span<const Shape* const> /*outputs*/) const {
  return 2.0 * static_cast<double>(inputs[kX]->element_count());
}

Signature MaskedMeanGradient::signature() const {
  static constexpr Signature::Port kInputs[] = {{"mask"}, {"dy"}};
  static constexpr Signature::Port kOutputs[] = {{"dx"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<TensorType> MaskedMeanGradient::infer(InputTypes inputs) const {
  require_dtype("mask", *inputs[kMask], DType::kF32);
  require_dtype("dy", *inputs[kDY], DType::kF32);
  require_rank("mask", *inputs[kMask], 2);
  require_rank("dy", *inputs[kDY], 2);
  const GraphShape& mask = inputs[kMask]->shape;
  const GraphShape& dy = inputs[kDY]->shape;
  if (mask[0] != dy[0]) {
    fail_inference(fmt::format("mask has shape {}, dy {}; their first dimensions have to be equal",
                               to_string(mask), to_string(dy)));
  }
  return {{.shape = {mask[0], mask[1], dy[1]}}};
}

void MaskedMeanGradient::evaluate(const Evaluation& evaluation) const {
  const Array& dy = evaluation.input(kDY);
  Array& dx = evaluation.output(0);
  for_each_share(
      evaluation.input(kMask), dy.shape[1],
      [&](std::int64_t in_x, std::int64_t in_y, double share) { dx[in_x] = share * dy[in_y]; });
}

double MaskedMeanGradient::flops(std::span<const Shape* const> /*inputs*/,
                                 std::span<const Shape* const> outputs) const {
  return static_cast<double>(outputs[0]->element_count());
}

TensorId ops::masked_mean(Graph& graph, std::string name, TensorId x, TensorId mask) {
  return graph.add_node(std::move(name), std::make_shared<MaskedMean>(), {x, mask})[0];
}

}  // namespace equipoise
