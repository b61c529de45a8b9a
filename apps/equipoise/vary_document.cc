#include <cmath>

#include <nlohmann/json.hpp>

#include "command.h"
#include "vary.h"

namespace equipoise::program {
namespace {

using Json = nlohmann::ordered_json;

/// JSON has no NaN.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json measured(const std::optional<Metric>& metric) {
  if (!metric) return nullptr;
  return {{"loss", number(metric->loss)}, {"accuracy", metric->accuracy}};
}

Json settings(const std::vector<Setting>& settings) {
  Json object = Json::object();
  for (const Setting& setting : settings) {
    object[setting.key] =
        setting.values.size() == 1 ? Json(setting.values[0]) : Json(setting.values);
  }
  return object;
}

Json document_of(const VariedRun& run) {
  Json layers = Json::array();
  for (const LayerOutput& layer : run.layers) {
    layers.push_back({{"name", layer.name}, {"std", number(layer.std)}});
  }
  return {{"run", run.result.folder.string()},
          {"seed", run.seed},
          {"finished", run.failure.empty()},
          {"failure", run.failure.empty() ? Json(nullptr) : Json(run.failure)},
          {"steps", run.result.step},
          {"refused_steps", run.result.refused},
          {"training", measured(run.result.training)},
          {"validation", measured(run.result.validation)},
          {"validation_ema", measured(run.result.validation_ema)},
          {"seconds", run.result.seconds},
          {"waited_for_images", run.result.share_waited},
          {"layers", std::move(layers)}};
}

Json document_of(const VariedVariant& varied) {
  Json runs = Json::array();
  for (const VariedRun& run : varied.runs) runs.push_back(document_of(run));
  const auto steps = varied.steps_to_others;
  return {{"name", varied.variant.name},
          {"settings", settings(varied.variant.settings)},
          {"split", split_of(varied)},
          {"accuracy", number(varied.accuracy)},
          {"accuracy_range", {number(varied.least_accuracy), number(varied.greatest_accuracy)}},
          {"runs_finished", varied.runs_finished},
          {"loss", number(varied.loss)},
          {"best_other_accuracy", number(varied.others_accuracy)},
          {"steps_to_best_other", steps ? Json(*steps) : Json(nullptr)},
          {"layer_std_range", {number(varied.least_std), number(varied.greatest_std)}},
          {"runs", std::move(runs)}};
}

}  // namespace

std::string vary_document(const VaryResult& result) {
  Json variants = Json::array();
  for (const VariedVariant& varied : result.variants) variants.push_back(document_of(varied));
  const Json document = {{"equipoise", kVersion},
                         {"kind", "vary"},
                         {"version", 1},
                         {"folder", result.folder.string()},
                         {"page", (result.folder / kVaryPage).string()},
                         {"seeds", result.plan.seeds},
                         {"common", settings(result.plan.settings)},
                         {"variants", std::move(variants)}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace equipoise::program
