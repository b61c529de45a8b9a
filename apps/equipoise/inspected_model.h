#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "equipoise/graph.h"
#include "equipoise/norm_summary.h"
#include "equipoise/plan_report.h"
#include "equipoise/session.h"
#include "equipoise/summary.h"

namespace equipoise::program {

/// All that `equipoise inspect` tells of a model.
struct InspectedModel {
  Graph graph;
  Mode mode;
  GraphSummary summary;
  std::vector<NormSummary> norms;
  /// γ, β and running statistics of the normalizations.
  std::shared_ptr<const State> norm_state;
  /// If it was asked for.
  std::optional<PlanReport> plan;
};

/// The smallest and the largest of some values.
struct Range {
  float least = 0;
  float most = 0;
};

/// Of a tensor in the state; none for an empty name, which stands for a tensor that is left out.
std::optional<Range> range_of(const State& state, const std::string& name);

}  // namespace equipoise::program
