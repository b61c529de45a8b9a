#include "engine/report.h"

#include "engine/compile.h"
#include "engine/context.h"
#include "engine/memory_need.h"
#include "engine/onednn/threads.h"
#include "equipoise/runtime.h"
#include "graph/operation.h"

namespace equipoise {
namespace engine {
namespace {

std::vector<PlannedTensorReport> tensors(const Plan& plan, const std::vector<TensorId>& ids) {
  std::vector<PlannedTensorReport> reports;
  for (const TensorId id : ids) {
    if (!id) continue;
    const TensorInfo& info = plan.graph.tensor(id);
    const PlannedTensor& tensor = plan.tensors[static_cast<std::size_t>(id.index)];
    reports.push_back(
        {.name = info.name,
         .shape = tensor.shape,
         .format = info.type.record ? "record" : to_string(tensor.format, tensor.shape),
         .bytes = tensor.bytes});
  }
  return reports;
}

}  // namespace

PlanReport report(const Plan& plan) {
  PlanReport report{.graph = plan.graph.name(),
                    .mode = plan.mode,
                    .batch = plan.batch,
                    .threads = plan.threads,
                    .arena_bytes = plan.arena_bytes,
                    .passes = plan.passes,
                    .prepared_steps = plan.prepared_steps,
                    .gate_step = plan.gate_step};
  for (std::size_t s = 0; s < plan.steps.size(); ++s) {
    const Node& node = plan.graph.nodes()[s];
    const Step& step = plan.steps[s];
    report.steps.push_back({.name = node.name,
                            .operation = std::string(node.operation->type()),
                            .made_of = node.made_of,
                            .implementation = step.implementation,
                            .detail = step.detail,
                            .inputs = tensors(plan, node.inputs),
                            .outputs = tensors(plan, node.outputs),
                            .alias = step.alias,
                            .scratch_bytes = step.scratch_bytes,
                            .flops = flops_of(context_of(plan, node)),
                            .declined = step.declined});
  }
  return report;
}

}  // namespace engine

PlanReport report_plan(const Graph& graph, Mode mode, std::int64_t batch,
                       const SessionOptions& options) {
  graph.verify();
  engine::check_options(graph, options);
  const engine::OneDnnThreads threads(num_threads());
  const auto plan = engine::compile(graph, mode, batch, threads.count(), options);
  engine::require_memory(*plan, engine::ContextMemory().need(*plan, nullptr));
  return engine::report(*plan);
}

}  // namespace equipoise
