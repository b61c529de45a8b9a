#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "equipoise/run.h"
#include "layer_outputs.h"
#include "output.h"
#include "train_run.h"
#include "variants.h"

namespace equipoise::program {

/// Trainings of variants, each by several seeds.
struct VaryPlan {
  /// What all variants have in common.
  std::vector<Setting> settings;
  /// As it was given: "norm=batch,none".
  std::string text;
  std::vector<Variant> variants;
  /// How many follow each other, from the one that is set on.
  int seeds = 1;
  /// Where relative paths begin, wherever it is gone on with.
  std::filesystem::path directory = std::filesystem::current_path();
};

struct VariedRun {
  std::uint64_t seed = 0;
  /// Of the metrics that it is judged by, as its best epoch is: "validation_ema" of averaged
  /// weights, else "validation", or "training" where nothing is held out.
  std::string split = {};
  TrainResult result;
  std::vector<LayerOutput> layers = {};
  /// Why it diverged; empty if it did not.
  std::string failure = {};
};

/// Medians are over all runs; one that diverged, or ended with a loss that is no number, is worse
/// than any other, whatever it had until then. NaN where such a one is the middle one.
struct VariedVariant {
  Variant variant;
  std::vector<VariedRun> runs = {};
  /// At the end, in `VariedRun::split`.
  double accuracy = 0;
  /// Of the runs that did not diverge, and how many those are.
  double least_accuracy = 0;
  double greatest_accuracy = 0;
  int runs_finished = 0;
  double loss = 0;
  /// The best accuracy at which another variant ended (NaN: none did), and how many steps this one
  /// took until it had it, if most of its runs ever had.
  double others_accuracy = 0;
  std::optional<std::int64_t> steps_to_others = std::nullopt;
  /// Standard deviations of layer outputs, over layers and runs.
  double least_std = 0;
  double greatest_std = 0;
};

struct VaryResult {
  std::filesystem::path folder;
  VaryPlan plan;
  std::vector<VariedVariant> variants;
};

/// VariedRun::split, which is one for all runs of a variant.
const std::string& split_of(const VariedVariant& varied);
/// "2 of 3 finished"; empty if all are.
std::string finished_text(const VariedVariant& varied);
/// Those that variants are compared by, usually one.
std::vector<std::string> splits_of(const VaryResult& result);

/// In the folder of a VaryPlan: the plan itself, and the page that shows what came of it.
inline constexpr const char* kVaryFile = "vary.toml";
inline constexpr const char* kVaryPage = "index.html";

/// All of them, in a new folder with one of each run in it. Nothing if a signal has stopped it.
/// Throws CLI::ParseError and Error for a variant that cannot be trained and a folder that is
/// taken, before anything is written.
std::optional<VaryResult> train_variants(const VaryPlan& plan, const std::filesystem::path& folder);

/// Goes on with what is in such a folder.
std::optional<VaryResult> resume_variants(const std::filesystem::path& folder);

std::string vary_text(const VaryResult& result, const Style& style);
std::string vary_document(const VaryResult& result);
std::string vary_page(const VaryResult& result);

}  // namespace equipoise::program
