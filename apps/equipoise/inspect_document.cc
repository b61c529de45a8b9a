#include "inspect_document.h"

#include <nlohmann/json.hpp>

#include "command.h"

namespace equipoise::program {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Shape& shape) {
  return Json(std::vector<std::int64_t>(shape.dimensions().begin(), shape.dimensions().end()));
}

Json tensors_json(const std::vector<TensorSummary>& tensors) {
  Json list = Json::array();
  for (const TensorSummary& tensor : tensors) {
    list.push_back({{"name", tensor.name},
                    {"shape", json_of(tensor.shape)},
                    {"dtype", to_string(tensor.dtype)}});
  }
  return list;
}

Json layers_json(const std::vector<LayerSummary>& layers) {
  Json list = Json::array();
  for (const LayerSummary& layer : layers) {
    Json options = Json::object();
    for (const Attribute& attribute : layer.attributes) {
      std::visit([&](const auto& value) { options[std::string(attribute.name)] = value; },
                 attribute.value);
    }
    list.push_back({{"name", layer.name},
                    {"operation", layer.operation},
                    {"options", options},
                    {"inputs", layer.inputs},
                    {"output", json_of(layer.output)},
                    {"trained", layer.trained},
                    {"frozen", layer.frozen},
                    {"buffers", layer.buffers},
                    {"flops", layer.flops}});
  }
  return list;
}

/// {"name", "min", "max"}, or null for a tensor that is left out.
Json tensor_json(const State& state, const std::string& name) {
  const std::optional<Range> range = range_of(state, name);
  if (!range) return nullptr;
  return {{"name", name}, {"min", range->least}, {"max", range->most}};
}

Json statistics_json(const std::optional<Statistics>& statistics) {
  return statistics ? to_string(*statistics) : "own";
}

Json batch_norm_json(const NormSummary& norm) {
  Json rule = {{"averaging", to_string(norm.rule.averaging)},
               {"variance", to_string(norm.rule.variance)}};
  if (norm.rule.averaging == Averaging::kMomentum) rule["momentum"] = norm.rule.momentum;
  if (norm.rule.averaging == Averaging::kWindowed) rule["window"] = norm.rule.window;
  Json result = {
      {"update_running", norm.update_running}, {"rule", rule}, {"synchronized", norm.synchronized}};
  if (norm.pseudo_count > 0) result["pseudo_count"] = norm.pseudo_count;
  if (norm.ghost_batch_size > 0) result["ghost_batch_size"] = norm.ghost_batch_size;
  if (norm.renorm) {
    result["renorm"] = {{"r_max", norm.renorm->r_max}, {"d_max", norm.renorm->d_max}};
  }
  return result;
}

Json norms_json(const InspectedModel& model) {
  Json list = Json::array();
  for (const NormSummary& norm : model.norms) {
    Json entry = {{"name", norm.name},
                  {"kind", to_string(norm.kind)},
                  {"channels", norm.channels},
                  {"over", json_of(norm.over.resolve(model.summary.batch))},
                  {"epsilon", norm.epsilon},
                  {"activation", to_string(norm.activation)},
                  {"weighted", norm.weighted},
                  {"training_statistics", statistics_json(norm.training_statistics)},
                  {"inference_statistics", statistics_json(norm.inference_statistics)},
                  {"weight", tensor_json(*model.norm_state, norm.weight)},
                  {"bias", tensor_json(*model.norm_state, norm.bias)},
                  {"running_mean", tensor_json(*model.norm_state, norm.running_mean)},
                  {"running_var", tensor_json(*model.norm_state, norm.running_var)}};
    if (norm.kind == NormKind::kGroup) entry["groups"] = norm.groups;
    if (norm.kind == NormKind::kBatch) entry.update(batch_norm_json(norm));
    list.push_back(std::move(entry));
  }
  return list;
}

Json totals_json(const GraphSummary& summary) {
  return {{"trained", summary.trained},
          {"frozen", summary.frozen},
          {"buffers", summary.buffers},
          {"parameter_bytes", summary.parameter_bytes},
          {"flops", summary.flops},
          {"flops_per_sample", summary.flops / static_cast<double>(summary.batch)}};
}

Json planned_json(const std::vector<PlannedTensorReport>& tensors) {
  Json list = Json::array();
  for (const PlannedTensorReport& tensor : tensors) {
    list.push_back({{"name", tensor.name},
                    {"shape", json_of(tensor.shape)},
                    {"format", tensor.format},
                    {"bytes", tensor.bytes}});
  }
  return list;
}

Json plan_json(const PlanReport& plan) {
  Json passes = Json::array();
  for (const PassReport& pass : plan.passes) {
    passes.push_back({{"name", pass.name},
                      {"milliseconds", pass.milliseconds},
                      {"skipped", pass.skipped},
                      {"nodes", pass.nodes}});
  }
  Json steps = Json::array();
  for (const StepReport& step : plan.steps) {
    Json declined = Json::array();
    for (const DeclinedImplementation& one : step.declined) {
      declined.push_back({{"implementation", one.implementation}, {"reason", one.reason}});
    }
    steps.push_back({{"name", step.name},
                     {"operation", step.operation},
                     {"made_of", step.made_of},
                     {"implementation", step.implementation},
                     {"detail", step.detail},
                     {"inputs", planned_json(step.inputs)},
                     {"outputs", planned_json(step.outputs)},
                     {"alias", step.alias},
                     {"scratch_bytes", step.scratch_bytes},
                     {"declined", declined}});
  }
  Json gate = nullptr;
  if (plan.gate_step >= 0) gate = plan.steps[static_cast<std::size_t>(plan.gate_step)].name;
  return {{"mode", to_string(plan.mode)},
          {"batch", plan.batch},
          {"threads", plan.threads},
          {"arena_bytes", plan.arena_bytes},
          {"passes", passes},
          {"steps", steps},
          {"gate", gate}};
}

}  // namespace

std::string inspect_document(const InspectedModel& model, bool with_graph) {
  const GraphSummary& summary = model.summary;
  Json document = {{"equipoise", kVersion},
                   {"kind", "inspect"},
                   {"version", 1},
                   {"model",
                    {{"name", summary.name},
                     {"batch", summary.batch},
                     {"mode", to_string(model.mode)},
                     {"inputs", tensors_json(summary.inputs)},
                     {"outputs", tensors_json(summary.outputs)}}},
                   {"layers", layers_json(summary.layers)},
                   {"norms", norms_json(model)},
                   {"totals", totals_json(summary)}};
  if (model.plan) document["plan"] = plan_json(*model.plan);
  if (with_graph) document["graph"] = model.graph.dump();
  return document.dump(2) + "\n";
}

}  // namespace equipoise::program
