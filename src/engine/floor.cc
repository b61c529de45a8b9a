#include <limits>
#include <map>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "engine/compile.h"
#include "engine/onednn/threads.h"
#include "engine/timing.h"
#include "equipoise/plan_report.h"
#include "equipoise/runtime.h"
#include "graph/operation.h"

namespace equipoise {
namespace engine {
namespace {

bool is_product(const Node& node) {
  const std::string_view type = node.operation->type();
  return type.starts_with("convolution") || type.starts_with("linear") || type == "matmul";
}

/// What two nodes have to have in common to take the same time.
std::string problem(const NodeContext& context) {
  std::string key = describe(*context.node.operation);
  for (const auto* shapes : {&context.input_shapes, &context.output_shapes}) {
    for (const Shape& shape : *shapes) {
      key += ' ';
      key += to_string(shape);
    }
  }
  return key;
}

std::optional<FloorRow> fastest(NodeContext context, Stopwatch& stopwatch) {
  std::optional<FloorRow> best;
  for (const Layout layout : candidate_layouts()) {
    context.preferred = layout;
    for (const Implementation* implementation :
         implementations_of(context.node.operation->type())) {
      if (implementation->name == "reference") continue;
      const Answer answer = implementation->propose(context);
      const auto* proposal = std::get_if<Proposal>(&answer);
      if (proposal == nullptr) continue;
      const double hopeless = best ? best->milliseconds : std::numeric_limits<double>::infinity();
      const double time = stopwatch.milliseconds(context, *proposal, hopeless);
      if (time >= hopeless) continue;
      best = {.implementation = std::string(implementation->name),
              .detail = proposal->detail,
              .format = to_string(proposal->inputs[0], context.input(0)),
              .milliseconds = time};
    }
  }
  return best;
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
  engine::Stopwatch stopwatch;
  std::map<std::string, std::optional<FloorRow>> measured;
  std::vector<FloorRow> rows;
  for (const Node& node : plan.graph.nodes()) {
    if (!engine::is_product(node)) continue;
    const engine::NodeContext context = engine::context_of(plan, node);
    auto [found, is_new] = measured.try_emplace(engine::problem(context));
    if (is_new) found->second = engine::fastest(context, stopwatch);
    if (!found->second) continue;
    FloorRow row = *found->second;
    row.name = node.name;
    row.operation = node.operation->type();
    row.flops = engine::flops_of(context);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace equipoise
