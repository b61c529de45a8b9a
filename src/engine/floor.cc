#include <algorithm>
#include <string>
#include <vector>

#include "engine/candidates.h"
#include "engine/compile.h"
#include "engine/onednn/threads.h"
#include "equipoise/plan_report.h"
#include "equipoise/runtime.h"
#include "graph/operation.h"

namespace equipoise {
namespace engine {
namespace {

/// Of several equally fast the first; none if only the reference takes the node.
const Candidate* fastest(const std::vector<Candidate>& candidates) {
  const auto found = std::ranges::min_element(candidates, {}, &Candidate::milliseconds);
  return found == candidates.end() ? nullptr : &*found;
}

}  // namespace
}  // namespace engine

std::vector<FloorRow> measure_floor(const Graph& graph, Mode mode, std::int64_t batch,
                                    const SessionOptions& options) {
  graph.verify();
  engine::check_options(graph, options);
  const engine::OneDnnThreads threads(num_threads());
  engine::Plan plan = engine::begin_plan(graph, mode, batch, threads.count(), options);
  engine::run_graph_passes(plan, options);
  Timings measured;
  engine::Candidates ways(options.timings != nullptr ? *options.timings : measured);
  std::vector<FloorRow> rows;
  for (const Node& node : plan.graph.nodes()) {
    if (!engine::is_product(node)) continue;
    const engine::NodeContext context = engine::context_of(plan, node);
    const std::vector<engine::Candidate> candidates = ways.of(context);
    const engine::Candidate* best = engine::fastest(candidates);
    if (best == nullptr) continue;
    rows.push_back({.name = node.name,
                    .operation = std::string(node.operation->type()),
                    .implementation = std::string(best->implementation->name),
                    .detail = best->proposal.detail,
                    .format = to_string(best->proposal.inputs[0], context.input(0)),
                    .milliseconds = best->milliseconds,
                    .flops = engine::flops_of(context)});
  }
  return rows;
}

}  // namespace equipoise
