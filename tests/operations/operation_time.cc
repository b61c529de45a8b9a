#include "operations/operation_time.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include "base/random.h"
#include "engine/compile.h"
#include "engine/context.h"
#include "engine/execute.h"
#include "engine/inputs.h"
#include "engine/onednn/threads.h"
#include "equipoise/runtime.h"
#include "graph/operation.h"
#include "operations/engine_check.h"
#include "operations/operation_steps.h"

namespace equipoise::testing {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

/// The steps of the forward, or of the gradient.
class Part {
 public:
  void add(const engine::Plan& plan, std::size_t s) {
    steps_.push_back(s);
    const Node& node = plan.graph.nodes()[s];
    const auto inputs = take_tensors(plan, node.inputs);
    const auto outputs = take_tensors(plan, node.outputs);
    work_.flops += node.operation->flops(inputs, outputs);
  }

  /// `seconds` is of each step of the plan.
  void end_run(const std::vector<double>& seconds) {
    double sum = 0;
    for (const std::size_t s : steps_) sum += seconds[s];
    runs_.push_back(sum);
  }

  std::optional<Time> time() {
    if (steps_.empty()) return std::nullopt;
    work_.seconds = *std::ranges::min_element(runs_);
    return work_;
  }

 private:
  std::vector<const Shape*> take_tensors(const engine::Plan& plan,
                                         const std::vector<TensorId>& ids) {
    std::vector<const Shape*> shapes;
    for (const TensorId id : ids) {
      if (!id) {
        shapes.push_back(nullptr);
        continue;
      }
      const engine::PlannedTensor& tensor = plan.tensors[static_cast<std::size_t>(id.index)];
      work_.bytes += static_cast<double>(tensor.bytes);
      shapes.push_back(&tensor.shape);
    }
    return shapes;
  }

  std::vector<std::size_t> steps_;
  std::vector<double> runs_;
  Time work_;
};

}  // namespace

OperationTime time_in_engine(const OperationTest& test, Layout layout) {
  const EngineCase engine_case(test, layout);
  const engine::OneDnnThreads threads(num_threads());
  const Mode mode = engine_case.trains() ? Mode::kTraining : Mode::kInference;
  const auto plan =
      engine::compile(engine_case.graph, mode, test.batch, threads.count(), engine_case.options);
  State state(engine_case.graph);
  state.extend(plan->graph);
  engine_case.load(state);
  engine::ContextMemory memory;
  engine::BoundPlan& bound = memory.bind(plan, state);
  bound.run.random_key = step_key(engine_case.options.seed, 1);
  const engine::UpdateNumbers numbers;
  const std::vector<Input> inputs = engine_case.inputs();
  engine::set_inputs(bound, inputs, &numbers);

  Part forward;
  Part gradient;
  const std::string& name = checked_node(engine_case.made.graph, engine_case.made.result).name;
  for (std::size_t s = 0; s < plan->steps.size(); ++s) {
    const Node& node = plan->graph.nodes()[s];
    if (plan->steps[s].alias) continue;
    if (is_of_node(node.name, node.made_of, name)) forward.add(*plan, s);
    if (is_of_gradient(node.name, node.operation->type(), name)) gradient.add(*plan, s);
  }

  std::vector<double> seconds(plan->steps.size());
  // The first run finds fresh pages.
  engine::execute(bound, 0, plan->steps.size());
  engine::discard_staged(bound);
  const auto start = Clock::now();
  for (int runs = 0; runs < 5 || Seconds(Clock::now() - start).count() < 0.2; ++runs) {
    for (std::size_t s = 0; s < plan->steps.size(); ++s) {
      const auto before = Clock::now();
      engine::execute(bound, s, s + 1);
      seconds[s] = Seconds(Clock::now() - before).count();
    }
    engine::discard_staged(bound);
    forward.end_run(seconds);
    gradient.end_run(seconds);
  }
  return {.forward = forward.time(), .gradient = gradient.time()};
}

}  // namespace equipoise::testing
