#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "formats/onnx_names.h"
#include "formats/onnx_writer.h"
#include "ops/function.h"
#include "ops/normalization.h"

namespace equipoise::formats {
namespace {

/// What normalizations are written with: the nodes, and where the result goes, which is the node's
/// own unless a residual or an activation follows.
struct NormNodes {
  OnnxNodes& nodes;
  const NormAttributes& norm;
  bool is_last = true;

  std::string finish(std::string_view operation, std::initializer_list<std::string> inputs) const {
    if (!is_last) return nodes.add(operation, "normalized", inputs);
    nodes.finish(operation, inputs);
    return nodes.output();
  }
  float epsilon() const { return static_cast<float>(norm.epsilon); }
  std::int64_t count() const { return nodes.shape(Norm::kX)[1]; }

  /// γ or β, or as many constants where there is none.
  std::string parameter(Norm::Input input, std::string_view part, std::int64_t size) const {
    if (nodes.has(input)) return nodes.input(input);
    return nodes.numbers(part, size, input == Norm::kWeight ? 1.0F : 0.0F);
  }

  /// γ·x̂ + β for x̂ (N, C, …), of what there is.
  std::string scale_and_shift(std::string_view operation, std::initializer_list<std::string> inputs,
                              int ones) const {
    const bool has_weight = nodes.has(Norm::kWeight);
    const bool has_bias = nodes.has(Norm::kBias);
    if (!has_weight && !has_bias) return finish(operation, inputs);
    std::string y = nodes.add(operation, "standardized", inputs);
    if (has_weight) {
      const std::string weight = nodes.per_channel(nodes.input(Norm::kWeight), "weight", ones);
      y = has_bias ? nodes.add("Mul", "scaled", {y, weight}) : finish("Mul", {y, weight});
    }
    if (!has_bias) return y;
    return finish("Add", {y, nodes.per_channel(nodes.input(Norm::kBias), "bias", ones)});
  }
};

std::string write_batch(const NormNodes& to) {
  OnnxNodes& nodes = to.nodes;
  if (!nodes.has(Norm::kRunningMean)) {
    nodes.fail(
        "it has no running statistics, which inference needs; recalibrate it, or give it some");
  }
  const std::string weight = to.parameter(Norm::kWeight, "weight", to.count());
  const std::string bias = to.parameter(Norm::kBias, "bias", to.count());
  std::string y = to.finish("BatchNormalization",
                            {nodes.input(Norm::kX), weight, bias, nodes.input(Norm::kRunningMean),
                             nodes.input(Norm::kRunningVar)});
  nodes.attribute("epsilon", to.epsilon());
  if (to.norm.rule.averaging == Averaging::kMomentum) {
    nodes.attribute("momentum", static_cast<float>(1 - to.norm.rule.momentum));
  }
  nodes.notes().note_batch_norm(y, to.norm);
  if (nodes.has(Norm::kPositionWeights)) {
    nodes.notes().note_position_weights(y, nodes.input(Norm::kPositionWeights));
  }
  return y;
}

/// Group and instance normalization of which some positions do not count.
std::string write_masked(const NormNodes& to, std::int64_t groups) {
  OnnxNodes& nodes = to.nodes;
  if (!to.is_last) nodes.fail("weights of positions, and a residual or an activation besides");
  const std::int64_t count = to.count();
  const std::string weight = to.parameter(Norm::kWeight, "weight", count);
  const std::string bias = to.parameter(Norm::kBias, "bias", count);
  nodes.finish_function(kMaskedNormalization,
                        {nodes.input(Norm::kX), weight, bias, nodes.input(Norm::kPositionWeights)});
  const GraphShape& x = nodes.shape(Norm::kX);
  std::int64_t positions = 1;
  for (int i = 2; i < x.rank(); ++i) positions *= x[i];
  nodes.attribute("grouped", std::vector<std::int64_t>{0, groups, count / groups, positions});
  std::vector<std::int64_t> per_channel(static_cast<std::size_t>(x.rank()) - 1, 1);
  per_channel[0] = count;
  nodes.attribute("per_channel", per_channel);
  nodes.attribute("epsilon", to.epsilon());
  return nodes.output();
}

std::string write_instance(const NormNodes& to) {
  OnnxNodes& nodes = to.nodes;
  if (nodes.has(Norm::kPositionWeights)) return write_masked(to, to.count());
  const std::string weight = to.parameter(Norm::kWeight, "weight", to.count());
  const std::string bias = to.parameter(Norm::kBias, "bias", to.count());
  std::string y = to.finish("InstanceNormalization", {nodes.input(Norm::kX), weight, bias});
  nodes.attribute("epsilon", to.epsilon());
  return y;
}

/// As PyTorch writes it: instance normalization of (N, G, rest).
std::string write_group(const NormNodes& to) {
  OnnxNodes& nodes = to.nodes;
  const std::int64_t groups = to.norm.groups;
  if (nodes.has(Norm::kPositionWeights)) return write_masked(to, groups);
  const GraphShape& shape = nodes.shape(Norm::kX);
  const std::string grouped =
      nodes.add("Reshape", "groups",
                {nodes.input(Norm::kX), nodes.integers("groups/shape", {0, groups, -1})});
  const std::string ones = nodes.numbers("ones", groups, 1);
  const std::string zeros = nodes.numbers("zeros", groups, 0);
  const std::string normalized =
      nodes.add("InstanceNormalization", "instance", {grouped, ones, zeros});
  nodes.attribute("epsilon", to.epsilon());
  std::vector<std::int64_t> back(shape.dimensions().begin(), shape.dimensions().end());
  if (shape.batched()) back[0] = 0;
  return to.scale_and_shift("Reshape", {normalized, nodes.integers("shape", back)},
                            shape.rank() - 2);
}

/// ONNX's is over trailing dimensions: that over the channels of positions goes by a transposition.
std::string write_layer(const NormNodes& to) {
  OnnxNodes& nodes = to.nodes;
  const GraphShape& shape = nodes.shape(Norm::kX);
  const bool over_channels = to.norm.axes.over == NormalizedOver::kChannels;
  const int trailing = over_channels ? 1 : to.norm.axes.trailing;
  std::int64_t size = over_channels ? shape[1] : 1;
  for (int i = shape.rank() - trailing; !over_channels && i < shape.rank(); ++i) size *= shape[i];
  const std::string weight = to.parameter(Norm::kWeight, "weight", size);
  std::vector<std::string> inputs = {nodes.input(Norm::kX), weight};
  if (nodes.has(Norm::kBias)) inputs.push_back(nodes.input(Norm::kBias));
  const bool transposes = over_channels && shape.rank() > 2;
  std::vector<std::int64_t> there = {0};
  std::vector<std::int64_t> back = {0, shape.rank() - 1};
  if (transposes) {
    for (int i = 2; i < shape.rank(); ++i) {
      there.push_back(i);
      back.push_back(i - 1);
    }
    there.push_back(1);
    inputs[0] = nodes.add("Transpose", "channels_last", {inputs[0]});
    nodes.attribute("perm", there);
  }
  const auto normalize = [&](auto add) {
    return inputs.size() == 3 ? add({inputs[0], inputs[1], inputs[2]})
                              : add({inputs[0], inputs[1]});
  };
  std::string y;
  using List = std::initializer_list<std::string>;
  if (transposes) {
    y = normalize([&](List list) { return nodes.add("LayerNormalization", "layer", list); });
  } else {
    y = normalize([&](List list) { return to.finish("LayerNormalization", list); });
  }
  nodes.attribute("axis", std::int64_t{-trailing});
  nodes.attribute("epsilon", to.epsilon());
  if (!transposes) return y;
  y = to.finish("Transpose", {y});
  nodes.attribute("perm", back);
  return y;
}

/// x/√(mean(x²) + ε)
std::string write_rms(const NormNodes& to) {
  OnnxNodes& nodes = to.nodes;
  const GraphShape& shape = nodes.shape(Norm::kX);
  const std::string& x = nodes.input(Norm::kX);
  const bool over_channels = to.norm.axes.over == NormalizedOver::kChannels;
  std::vector<std::int64_t> axes = {1};
  if (!over_channels) {
    axes.clear();
    for (int i = -to.norm.axes.trailing; i < 0; ++i) axes.push_back(i);
  }
  const std::string mean =
      nodes.add("ReduceMean", "mean_square", {nodes.add("Mul", "square", {x, x})});
  nodes.attribute("axes", axes);
  nodes.attribute("keepdims", std::int64_t{1});
  const std::string shifted =
      nodes.add("Add", "shifted", {mean, nodes.number("epsilon", to.epsilon())});
  return to.scale_and_shift("Div", {x, nodes.add("Sqrt", "rms", {shifted})},
                            over_channels ? shape.rank() - 2 : 0);
}

std::string write_normalized(const NormNodes& to) {
  switch (to.norm.kind) {
    case NormKind::kBatch:
      return write_batch(to);
    case NormKind::kInstance:
      return write_instance(to);
    case NormKind::kGroup:
      return write_group(to);
    case NormKind::kLayer:
      return write_layer(to);
    case NormKind::kRms:
      return write_rms(to);
  }
  return {};
}

}  // namespace

void write_norm(OnnxNodes& nodes, const NormAttributes& norm) {
  const bool has_residual = nodes.has(Norm::kResidual);
  const bool has_activation = norm.activation != Activation::kNone;
  std::string y =
      write_normalized({.nodes = nodes, .norm = norm, .is_last = !has_residual && !has_activation});
  nodes.notes().note_epsilon(y, norm.epsilon);
  if (has_residual && has_activation) {
    y = nodes.add("Add", "sum", {y, nodes.input(Norm::kResidual)});
  } else if (has_residual) {
    nodes.finish("Add", {y, nodes.input(Norm::kResidual)});
  }
  if (has_activation) {
    write_function(nodes, function_of(norm.activation), norm.negative_slope, y);
  }
}

}  // namespace equipoise::formats
