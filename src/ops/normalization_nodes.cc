#include "equipoise/operations.h"
#include "ops/normalization.h"

namespace equipoise {
namespace {

/// With its record, which a gradient may come to read; a pass removes what nobody does.
TensorId add_norm(Graph& graph, std::string name, const ops::NormInputs& in,
                  const NormAttributes& attributes) {
  static constexpr bool kWanted[] = {true, true};
  return graph.add_node(
      std::move(name), std::make_shared<Norm>(attributes),
      {in.x, in.weight, in.bias, in.running_mean, in.running_var, in.residual, in.position_weights},
      kWanted)[Norm::kY];
}

NormAttributes attributes_of(NormKind kind, const ops::NormOptions& options) {
  return {.kind = kind,
          .epsilon = options.epsilon,
          .activation = options.activation,
          .negative_slope = options.negative_slope};
}

}  // namespace

TensorId ops::batch_norm(Graph& graph, std::string name, const NormInputs& inputs,
                         const BatchNormNode& options) {
  return add_norm(graph, std::move(name), inputs,
                  {.kind = NormKind::kBatch,
                   .epsilon = options.epsilon,
                   .activation = options.activation,
                   .negative_slope = options.negative_slope,
                   .statistics = options.statistics,
                   .update_running = options.update_running,
                   .rule = options.rule,
                   .pseudo_count = options.pseudo_count,
                   .ghost_batch_size = options.ghost_batch_size,
                   .renorm = options.renorm,
                   .synchronized = options.synchronized});
}

TensorId ops::instance_norm(Graph& graph, std::string name, const NormInputs& inputs,
                            const NormOptions& options) {
  return add_norm(graph, std::move(name), inputs, attributes_of(NormKind::kInstance, options));
}

TensorId ops::group_norm(Graph& graph, std::string name, const NormInputs& inputs,
                         std::int64_t groups, const NormOptions& options) {
  NormAttributes attributes = attributes_of(NormKind::kGroup, options);
  attributes.groups = groups;
  return add_norm(graph, std::move(name), inputs, attributes);
}

TensorId ops::layer_norm(Graph& graph, std::string name, const NormInputs& inputs, LayerAxes axes,
                         const NormOptions& options) {
  NormAttributes attributes = attributes_of(NormKind::kLayer, options);
  attributes.axes = axes;
  return add_norm(graph, std::move(name), inputs, attributes);
}

TensorId ops::rms_norm(Graph& graph, std::string name, const NormInputs& inputs, LayerAxes axes,
                       const NormOptions& options) {
  NormAttributes attributes = attributes_of(NormKind::kRms, options);
  attributes.axes = axes;
  return add_norm(graph, std::move(name), inputs, attributes);
}

}  // namespace equipoise
