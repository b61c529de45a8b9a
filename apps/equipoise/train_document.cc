#include "train_document.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "command.h"

namespace equipoise::program {
namespace {

using Json = nlohmann::ordered_json;

Json measured(const std::optional<Metric>& metric) {
  if (!metric) return nullptr;
  return {{"loss", metric->loss}, {"accuracy", metric->accuracy}};
}

}  // namespace

std::string train_document(const TrainResult& result) {
  Json skipped = Json::array();
  for (const SkippedImage& image : result.skipped) {
    skipped.push_back({{"image", image.name}, {"reason", image.reason}});
  }
  const bool is_finished = result.ended == Ended::kAllEpochs;
  Json document = {{"equipoise", kVersion},
                   {"kind", "train"},
                   {"version", 1},
                   {"run", result.folder.string()},
                   {"model", result.model},
                   {"finished", is_finished},
                   {"epochs", result.epoch},
                   {"steps", result.step},
                   {"refused_steps", result.refused},
                   {"training", measured(result.training)},
                   {"validation", measured(result.validation)},
                   {"validation_ema", measured(result.validation_ema)},
                   {"best", nullptr},
                   {"seconds", result.seconds},
                   {"waited_for_images", result.share_waited},
                   {"skipped", std::move(skipped)},
                   {"metrics", "metrics.jsonl"},
                   {"model_file", kModelFile}};
  if (result.best_epoch >= 0) {
    document["best"] = {{"epoch", result.best_epoch + 1}, {"accuracy", result.best_accuracy}};
  }
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace equipoise::program
