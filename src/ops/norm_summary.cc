#include "equipoise/norm_summary.h"

#include "ops/normalization.h"

namespace equipoise {
namespace {

std::vector<std::int64_t> trailing_dimensions(const NormAttributes& norm, const GraphShape& x) {
  if (norm.axes.over == NormalizedOver::kChannels) return {x[1]};
  const auto all = x.dimensions();
  const auto trailing = all.last(static_cast<std::size_t>(norm.axes.trailing));
  return {trailing.begin(), trailing.end()};
}

/// The dimensions of the values that share statistics.
std::vector<std::int64_t> dimensions_over(const NormAttributes& norm, const GraphShape& x) {
  std::vector<std::int64_t> over;
  switch (norm.kind) {
    case NormKind::kLayer:
    case NormKind::kRms:
      return trailing_dimensions(norm, x);
    case NormKind::kBatch:
      over = {norm.ghost_batch_size > 0 ? norm.ghost_batch_size : x[0]};
      break;
    case NormKind::kGroup:
      over = {x[1] / norm.groups};
      break;
    case NormKind::kInstance:
      break;
  }
  const auto positions = x.dimensions().subspan(2);
  over.insert(over.end(), positions.begin(), positions.end());
  return over;
}

std::int64_t parameter_count(const NormAttributes& norm, const GraphShape& x) {
  if (norm.kind != NormKind::kLayer && norm.kind != NormKind::kRms) return x[1];
  std::int64_t count = 1;
  for (const std::int64_t d : trailing_dimensions(norm, x)) count *= d;
  return count;
}

}  // namespace

std::string_view to_string(NormKind kind) {
  switch (kind) {
    case NormKind::kBatch:
      return "batch_norm";
    case NormKind::kInstance:
      return "instance_norm";
    case NormKind::kGroup:
      return "group_norm";
    case NormKind::kLayer:
      return "layer_norm";
    case NormKind::kRms:
      return "rms_norm";
  }
  return "unknown";
}

std::vector<NormSummary> summarize_norms(const Graph& graph) {
  std::vector<NormSummary> summaries;
  for (const Node& node : graph.nodes()) {
    const auto* operation = dynamic_cast<const Norm*>(node.operation.get());
    if (operation == nullptr) continue;
    const NormAttributes& norm = operation->norm();
    const GraphShape& x = graph.tensor(node.inputs[Norm::kX]).type.shape;
    const auto name_of = [&](Norm::Input input) {
      const TensorId id = node.inputs[static_cast<std::size_t>(input)];
      return id ? graph.tensor(id).name : std::string();
    };
    const std::vector<std::int64_t> over = dimensions_over(norm, x);
    NormSummary summary{.name = node.name,
                        .kind = norm.kind,
                        .channels = parameter_count(norm, x),
                        .groups = norm.groups,
                        .over = GraphShape(std::span<const std::int64_t>(over)),
                        .epsilon = norm.epsilon,
                        .activation = norm.activation,
                        .weighted = static_cast<bool>(node.inputs[Norm::kPositionWeights]),
                        .weight = name_of(Norm::kWeight),
                        .bias = name_of(Norm::kBias),
                        .frozen = is_frozen(graph, node),
                        .running_mean = name_of(Norm::kRunningMean),
                        .running_var = name_of(Norm::kRunningVar)};
    if (norm.kind == NormKind::kBatch) {
      summary.training_statistics = norm.statistics;
      summary.inference_statistics =
          summary.running_mean.empty() ? norm.statistics : Statistics::kRunning;
      summary.update_running = norm.update_running;
      summary.rule = norm.rule;
      summary.pseudo_count = norm.statistics == Statistics::kBlend ? norm.pseudo_count : 0;
      summary.ghost_batch_size = norm.ghost_batch_size;
      summary.renorm = norm.renorm;
      summary.synchronized = norm.synchronized;
    }
    summaries.push_back(std::move(summary));
  }
  return summaries;
}

}  // namespace equipoise
