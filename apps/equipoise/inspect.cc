#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "command.h"
#include "equipoise/models.h"
#include "inspect_document.h"
#include "inspect_text.h"
#include "inspected_model.h"
#include "model_arguments.h"
#include "output.h"
#include "plan_arguments.h"

namespace equipoise::program {

std::optional<Range> range_of(const State& state, const std::string& name) {
  if (name.empty()) return std::nullopt;
  const auto [least, most] = std::ranges::minmax(state.values(name));
  return Range{least, most};
}

namespace {

/// The normalizations' tensors alone: to fill a whole network with random weights takes seconds.
Graph norm_tensors(const Graph& graph, const std::vector<NormSummary>& norms) {
  Graph kept(graph.name());
  for (const NormSummary& norm : norms) {
    for (const std::string* name :
         {&norm.weight, &norm.bias, &norm.running_mean, &norm.running_var}) {
      if (name->empty() || kept.find_tensor(*name)) continue;
      const TensorInfo& info = graph.tensor(graph.tensor(*name));
      kept.add_buffer(*name, info.type.shape, info.initialization);
    }
  }
  return kept;
}

struct Inspect {
  explicit Inspect(CLI::App& command) : model(command), plan(command) {
    constexpr const char* kShown = "What is shown, in place of layers and normalizations";
    command.add_flag("--graph", graph, "The tensors and nodes of the graph")->group(kShown);
    plan.require_for_plan(command
                              .add_flag("--explain", explain,
                                        "How it is run, and why so: passes, then each step's "
                                        "implementation, layouts and memory")
                              ->group(kShown));
    command
        .add_flag("--json", json,
                  "All of it as one document, with the plan and the graph if asked for")
        ->group(kShown);
    command.add_option("-o,--output", path, "Write to this file in place of standard output")
        ->type_name("FILE");
  }

  ExitCode run() {
    const Output output(path);
    output.write(json ? inspect_document(inspected(), graph) : text(output.style()));
    return kDone;
  }

  std::string text(const Style& style) {
    const InspectedModel found = inspected();
    if (!graph && !found.plan) return inspect_text(found, style);
    return (graph ? found.graph.dump() : "") + (found.plan ? to_string(*found.plan) : "");
  }

  InspectedModel inspected() {
    Graph built = model.build();
    SessionOptions session = plan.session();
    if (plan.mode() == Mode::kTraining) {
      add_classification_loss(built);
      session.optimizer = ops::SgdOptions{.momentum = 0.9};
    }
    GraphSummary summary = summarize(built, plan.batch());
    std::vector<NormSummary> norms = summarize_norms(built);
    const std::shared_ptr<const Model> file = model.file();
    auto state = file ? std::shared_ptr<const State>(file, &file->state())
                      : std::make_shared<const State>(norm_tensors(built, norms));
    std::optional<PlanReport> report;
    if (explain) report = report_plan(built, plan.mode(), plan.batch(), session);
    plan.keep_timings();
    return {.graph = std::move(built),
            .mode = plan.mode(),
            .summary = std::move(summary),
            .norms = std::move(norms),
            .norm_state = std::move(state),
            .plan = std::move(report)};
  }

  ModelArguments model;
  PlanArguments plan;
  bool graph = false;
  bool explain = false;
  bool json = false;
  std::string path;
};

}  // namespace

Command add_inspect(CLI::App& program) {
  CLI::App* command = program.add_subcommand(
      "inspect", "Show a model's layers, shapes, parameters and normalizations");
  command->group("Commands");
  command->footer(
      fmt::format("Models:\n{}\n\n"
                  "Examples:\n"
                  "  equipoise inspect resnet18\n"
                  "  equipoise inspect efficientnet_b0 --norm group --groups 8\n"
                  "  equipoise inspect runs/fashion\n"
                  "  equipoise inspect resnet50 --mode training --batch 16 --explain\n"
                  "  equipoise inspect mlp --hidden 256,128 --json -o mlp.json",
                  list_of_models()));
  auto inspect = std::make_shared<Inspect>(*command);
  return {.options = command, .run = [inspect] { return inspect->run(); }};
}

}  // namespace equipoise::program
