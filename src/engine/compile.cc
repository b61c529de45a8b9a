#include "engine/compile.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/passes/pass.h"
#include "equipoise/error.h"

namespace equipoise::engine {
namespace {

std::vector<Plan::Output> wanted_outputs(const Graph& model, Mode mode,
                                         const SessionOptions& options) {
  std::vector<Plan::Output> outputs;
  for (const TensorId id : model.outputs()) {
    const std::string& name = model.tensor(id).name;
    // Without labels there is no loss, and nobody has labels when it matters.
    if (mode == Mode::kInference && name == options.loss && model.outputs().size() > 1) continue;
    outputs.push_back({name, id});
  }
  for (const std::string& tap : options.taps) outputs.push_back({tap, model.tensor(tap)});
  return outputs;
}

}  // namespace

void check_options(const Graph& model, const SessionOptions& options) {
  for (const std::string& name : options.skip_passes) {
    const auto known = passes();
    const auto found = std::ranges::find(known, name, &Pass::name);
    if (found != known.end() && found->skippable) continue;
    std::vector<std::string_view> names;
    for (const Pass& pass : known) {
      if (pass.skippable) names.push_back(pass.name);
    }
    throw Error(fmt::format("there is no pass '{}' that could be skipped; there are {}", name,
                            fmt::join(names, ", ")));
  }
  if (options.plans < 1) {
    throw Error(
        fmt::format("a session that keeps {} plans has none to run; SessionOptions::plans "
                    "has to be at least 1",
                    options.plans));
  }
  if (options.ema_decay) {
    if (!(*options.ema_decay >= 0 && *options.ema_decay < 1)) {
      throw Error(fmt::format("ema_decay is {}; it has to be at least 0 and less than 1",
                              *options.ema_decay));
    }
    if (!options.optimizer) {
      throw Error("ema_decay averages what an optimizer updates; set SessionOptions::optimizer");
    }
  }
  for (const std::string& tap : options.taps) {
    if (model.tensor(model.tensor(tap)).type.record) {
      throw Error(fmt::format("graph '{}': the record '{}' has no values that could be given back",
                              model.name(), tap));
    }
  }
}

Plan begin_plan(const Graph& model, Mode mode, std::int64_t batch, int threads,
                const SessionOptions& options) {
  Plan plan;
  plan.mode = mode;
  plan.batch = batch;
  plan.threads = threads;
  plan.graph = model;
  plan.outputs = wanted_outputs(model, mode, options);
  std::vector<TensorId> outputs;
  for (const Plan::Output& output : plan.outputs) outputs.push_back(output.tensor);
  if (mode == Mode::kTraining) {
    plan.loss = model.tensor(options.loss);
    outputs.push_back(plan.loss);
  }
  plan.graph.set_outputs(std::move(outputs));
  return plan;
}

namespace {

/// Those that make the plan itself; they look at the option themselves.
bool makes_plan(const Pass& pass) {
  return pass.run == choose_implementations || pass.run == repeat_norms ||
         pass.run == prepare_state || pass.run == place_memory;
}

void run_pass(const Pass& pass, Plan& plan, const SessionOptions& options) {
  const bool skipped = pass.skippable && skips(options, pass.name);
  const auto start = std::chrono::steady_clock::now();
  if (!skipped || makes_plan(pass)) pass.run(plan, options);
  const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
  plan.passes.push_back({std::string(pass.name), time.count(), skipped, plan.graph.nodes().size()});
}

}  // namespace

void run_graph_passes(Plan& plan, const SessionOptions& options) {
  for (const Pass& pass : passes()) {
    if (!makes_plan(pass)) run_pass(pass, plan, options);
  }
}

std::shared_ptr<const Plan> compile(const Graph& model, Mode mode, std::int64_t batch, int threads,
                                    const SessionOptions& options, Homes homes, NormsAre norms_are,
                                    UpdatesBy updates_by) {
  auto plan = std::make_shared<Plan>(begin_plan(model, mode, batch, threads, options));
  plan->homes = std::move(homes);
  plan->norms_are = norms_are;
  plan->updates_by = updates_by;
  run_graph_passes(*plan, options);
  for (const Pass& pass : passes()) {
    if (makes_plan(pass)) run_pass(pass, *plan, options);
  }
  plan->sweeps = find_sweeps(*plan);
  return plan;
}

}  // namespace equipoise::engine
