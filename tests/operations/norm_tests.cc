#include <limits>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "equipoise/operations.h"
#include "operations/descriptor.h"
#include "ops/normalization.h"

namespace equipoise::testing {
namespace {

constexpr std::int64_t kN = GraphShape::kBatch;

/// One way to normalize, and what x has to be for it.
struct Kind {
  std::string name;
  std::function<TensorId(Graph&, const ops::NormInputs&, const ops::NormOptions&)> build;
  /// The shape of weight and bias.
  std::function<GraphShape(const GraphShape&)> parameters;
};

GraphShape channels_of(const GraphShape& x) { return {x[1]}; }

Kind batch(ops::BatchNormNode options = {.update_running = false}) {
  return {.name = "batch_norm",
          .build =
              [=](Graph& graph, const ops::NormInputs& in, const ops::NormOptions& common) {
                ops::BatchNormNode node = options;
                node.activation = common.activation;
                node.negative_slope = common.negative_slope;
                return ops::batch_norm(graph, "y", in, node);
              },
          .parameters = channels_of};
}

Kind instance() {
  return {.name = "instance_norm",
          .build = [](Graph& graph, const ops::NormInputs& in,
                      const ops::NormOptions& o) { return ops::instance_norm(graph, "y", in, o); },
          .parameters = channels_of};
}

Kind group(std::int64_t groups) {
  return {.name = fmt::format("group_norm {} groups", groups),
          .build =
              [=](Graph& graph, const ops::NormInputs& in, const ops::NormOptions& o) {
                return ops::group_norm(graph, "y", in, groups, o);
              },
          .parameters = channels_of};
}

Kind layer(int trailing) {
  return {.name = fmt::format("layer_norm trailing {}", trailing),
          .build =
              [=](Graph& graph, const ops::NormInputs& in, const ops::NormOptions& o) {
                return ops::layer_norm(graph, "y", in, {.trailing = trailing}, o);
              },
          .parameters =
              [=](const GraphShape& x) {
                return GraphShape(x.dimensions().last(static_cast<std::size_t>(trailing)));
              }};
}

Kind layer_over_channels() {
  return {.name = "layer_norm channels",
          .build =
              [](Graph& graph, const ops::NormInputs& in, const ops::NormOptions& o) {
                return ops::layer_norm(graph, "y", in, {.over = NormalizedOver::kChannels}, o);
              },
          .parameters = channels_of};
}

Kind rms(int trailing) {
  Kind kind = layer(trailing);
  kind.name = fmt::format("rms_norm trailing {}", trailing);
  kind.build = [=](Graph& graph, const ops::NormInputs& in, const ops::NormOptions& o) {
    return ops::rms_norm(graph, "y", in, {.trailing = trailing}, o);
  };
  return kind;
}

Kind rms_over_channels() {
  Kind kind = layer_over_channels();
  kind.name = "rms_norm channels";
  kind.build = [](Graph& graph, const ops::NormInputs& in, const ops::NormOptions& o) {
    return ops::rms_norm(graph, "y", in, {.over = NormalizedOver::kChannels}, o);
  };
  return kind;
}

struct Variant {
  bool weight = true;
  bool bias = true;
  bool residual = false;
  bool position_weights = false;
  bool running = false;
  Activation activation = Activation::kNone;
};

std::string describe(const Variant& variant) {
  std::string text;
  if (!variant.weight) text += ", no weight";
  if (!variant.bias) text += ", no bias";
  if (variant.residual) text += ", residual";
  if (variant.position_weights) text += ", weighted";
  if (variant.activation != Activation::kNone) {
    text += fmt::format(", {}", to_string(variant.activation));
  }
  return text;
}

GraphShape positions_of(const GraphShape& x) {
  std::vector<std::int64_t> dimensions(x.dimensions().begin(), x.dimensions().end());
  dimensions.erase(dimensions.begin() + 1);
  return GraphShape(std::span<const std::int64_t>(dimensions));
}

OperationTest norm_test(const Kind& kind, const GraphShape& shape, const Variant& variant,
                        std::string_view remark = "") {
  OperationTest test{
      .name = fmt::format("{}/{}{}{}{}", kind.name, to_string(shape), remark.empty() ? "" : ", ",
                          remark, describe(variant)),
      .build =
          [=](Graph& graph) {
            ops::NormInputs in{.x = graph.add_input("x", shape)};
            const GraphShape parameters = kind.parameters(shape);
            if (variant.weight) in.weight = graph.add_parameter("weight", parameters);
            if (variant.bias) in.bias = graph.add_parameter("bias", parameters);
            if (variant.running) {
              in.running_mean = graph.add_buffer("running_mean", {shape[1]});
              in.running_var = graph.add_buffer("running_var", {shape[1]});
            }
            if (variant.residual) in.residual = graph.add_input("residual", shape);
            if (variant.position_weights) {
              in.position_weights = graph.add_input("position_weights", positions_of(shape));
            }
            return kind.build(graph, in,
                              {.activation = variant.activation, .negative_slope = 0.1F});
          },
      .fills = {{"running_var", {.low = 0.5, .high = 1.5}}, {"weight", {.low = 0.5, .high = 1.5}}},
      .constant_inputs = {"position_weights"},
      .tolerance = 1e-5};
  if (variant.position_weights)
    test.fills["position_weights"] = {.low = 0, .high = 2, .integers = true};
  if (variant.activation != Activation::kNone) {
    // z has to stay off the kinks of the activation, but be on all sides of them: γ·x̂ remains
    // small, and what it is added to is spread over all pieces.
    const Fill spread{.low = -5, .high = 8, .kinks = {-3, 0, 3, 6}, .margin = 0.9};
    test.fills["weight"] = {.low = 0.05, .high = 0.2};
    test.fills["bias"] = variant.residual ? Fill{.low = -0.1, .high = 0.1} : spread;
    test.fills["residual"] = spread;
  }
  return test;
}

/// Every way with every activation, with and without a residual.
void add_activations(std::vector<OperationTest>& all) {
  const std::pair<Kind, GraphShape> cases[] = {{batch(), {kN, 17, 3}},
                                               {instance(), {kN, 9, 7}},
                                               {group(2), {kN, 10, 3}},
                                               {layer(1), {kN, 3, 17}},
                                               {layer_over_channels(), {kN, 17, 2}},
                                               {rms(1), {kN, 3, 9}},
                                               {rms_over_channels(), {kN, 10, 2}}};
  for (const auto& [kind, shape] : cases) {
    for (const Activation activation :
         {Activation::kRelu, Activation::kRelu6, Activation::kLeakyRelu, Activation::kSilu,
          Activation::kSigmoid, Activation::kTanh, Activation::kHardSwish}) {
      for (const bool residual : {false, true}) {
        all.push_back(norm_test(kind, shape, {.residual = residual, .activation = activation}));
      }
    }
  }
}

void add_ranks(std::vector<OperationTest>& all) {
  const std::pair<Kind, std::vector<GraphShape>> cases[] = {
      {batch(), {{kN, 17}, {kN, 9, 5}, {kN, 17, 3, 2}}},
      {instance(), {{kN, 10, 6}, {kN, 17, 3, 2}}},
      {group(3), {{kN, 18}, {kN, 9, 4}, {kN, 6, 3, 2}}},
      {group(1), {{kN, 17}, {kN, 9, 5}, {kN, 10, 3, 2}}},
      {layer(1), {{kN, 17}, {kN, 5, 9}, {kN, 2, 3, 10}}},
      {layer(2), {{kN, 9, 5}, {kN, 4, 3, 6}}},
      {layer(3), {{kN, 5, 3, 4}}},
      {layer_over_channels(), {{kN, 17}, {kN, 9, 4}, {kN, 10, 2, 3}}},
      {rms(1), {{kN, 17}, {kN, 5, 9}, {kN, 2, 3, 10}}},
      {rms(2), {{kN, 9, 5}, {kN, 4, 3, 6}}},
      {rms_over_channels(), {{kN, 17}, {kN, 9, 4}, {kN, 10, 2, 3}}}};
  for (const auto& [kind, shapes] : cases) {
    for (const GraphShape& shape : shapes) {
      for (const bool residual : {false, true}) {
        all.push_back(norm_test(kind, shape, {.residual = residual}));
      }
    }
    all.push_back(norm_test(kind, shapes.back(), {.weight = false, .bias = false}));
    all.push_back(norm_test(kind, shapes.back(), {.weight = false}));
    all.push_back(norm_test(kind, shapes.back(), {.bias = false}));
    all.push_back(norm_test(
        kind, shapes.back(),
        {.weight = false, .bias = false, .residual = true, .activation = Activation::kSilu}));
  }
}

void add_position_weights(std::vector<OperationTest>& all) {
  for (const Kind& kind : {batch(), instance(), group(2)}) {
    for (const GraphShape& shape : {GraphShape{kN, 10, 9}, GraphShape{kN, 4, 3, 4}}) {
      all.push_back(norm_test(kind, shape, {.position_weights = true}));
      all.push_back(
          norm_test(kind, shape,
                    {.residual = true, .position_weights = true, .activation = Activation::kSilu}));
    }
  }
  OperationTest rows = norm_test(batch(), {kN, 9}, {.position_weights = true});
  rows.batch = 6;
  all.push_back(std::move(rows));
}

/// How batch normalization obtains its statistics.
void add_statistics(std::vector<OperationTest>& all) {
  const auto add = [&](std::string_view remark, const ops::BatchNormNode& node, bool running,
                       std::int64_t samples, std::map<std::string, Fill, std::less<>> fills = {}) {
    for (const Variant& variant :
         {Variant{.running = running},
          Variant{.residual = true, .running = running, .activation = Activation::kRelu},
          Variant{.position_weights = true, .running = running, .activation = Activation::kTanh}}) {
      OperationTest test = norm_test(batch(node), {kN, 10, 4}, variant, remark);
      test.batch = samples;
      for (const auto& [name, fill] : fills) test.fills[name] = fill;
      all.push_back(std::move(test));
    }
  };
  add("update", {}, true, 3);
  add("running", {.statistics = Statistics::kRunning}, true, 3);
  add("running of one sample", {.statistics = Statistics::kRunning, .update_running = false}, true,
      1);
  add("blend", {.statistics = Statistics::kBlend, .pseudo_count = 5}, true, 3);
  add("ghost 3", {.update_running = false, .ghost_batch_size = 3}, false, 7);
  add("ghost 2, blend", {.statistics = Statistics::kBlend, .ghost_batch_size = 2}, true, 5);
  add("ghost as large as can be",
      {.update_running = false, .ghost_batch_size = std::numeric_limits<std::int64_t>::max()},
      false, 3);
  add("synchronized", {.update_running = false, .synchronized = true}, false, 3);
  // r and d are constants to the gradient, so differences see the same only where both are clipped.
  const ops::BatchNormNode renorm{.renorm = Renorm{.r_max = 1.1, .d_max = 0.05}};
  add("renorm, clipped below", renorm, true, 4,
      {{"running_mean", {.low = 2, .high = 3}}, {"running_var", {.low = 4, .high = 9}}});
  add("renorm, clipped above", renorm, true, 4,
      {{"running_mean", {.low = -3, .high = -2}}, {"running_var", {.low = 0.005, .high = 0.01}}});
  ops::BatchNormNode ghost_renorm = renorm;
  ghost_renorm.ghost_batch_size = 2;
  add("renorm, ghost 2", ghost_renorm, true, 5,
      {{"running_mean", {.low = 2, .high = 3}}, {"running_var", {.low = 4, .high = 9}}});
}

void add_repeated(std::vector<OperationTest>& all) {
  const std::pair<Kind, GraphShape> cases[] = {{batch(), {kN, 17, 3, 2}},
                                               {instance(), {kN, 9, 7}},
                                               {group(2), {kN, 10, 3}},
                                               {layer(1), {kN, 3, 17}},
                                               {layer_over_channels(), {kN, 17, 2}},
                                               {rms(1), {kN, 3, 9}}};
  for (const auto& [kind, shape] : cases) {
    all.push_back(repeated_norm(norm_test(kind, shape, {.activation = Activation::kSilu})));
    all.push_back(
        repeated_norm(norm_test(kind, shape, {.residual = true, .activation = Activation::kRelu})));
    all.push_back(repeated_norm(norm_test(kind, shape, {.weight = false, .bias = false})));
  }
}

}  // namespace

OperationTest repeated_norm(OperationTest test) {
  const auto build = test.build;
  test.build = [build](Graph& graph) {
    const Node norm = graph.node(graph.tensor(build(graph)).producer);
    const auto& operation = dynamic_cast<const Norm&>(*norm.operation);
    return graph.add_node(
        "y again", std::make_shared<NormRepeat>(operation.norm()),
        {norm.inputs[Norm::kX], norm.outputs[Norm::kRecord], norm.inputs[Norm::kWeight],
         norm.inputs[Norm::kBias], norm.inputs[Norm::kResidual]})[0];
  };
  const std::size_t kind = test.name.find("norm") + std::string_view("norm").size();
  test.name.insert(kind, "_repeat");
  test.constant_inputs = {"x", "residual", "weight", "bias", "position_weights"};
  return test;
}

std::vector<OperationTest> norm_tests() {
  std::vector<OperationTest> all;
  add_activations(all);
  add_ranks(all);
  add_position_weights(all);
  add_statistics(all);
  add_repeated(all);
  return all;
}

}  // namespace equipoise::testing
