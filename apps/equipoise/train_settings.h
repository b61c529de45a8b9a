#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "equipoise/image.h"
#include "equipoise/loader.h"
#include "equipoise/tensor.h"
#include "equipoise/train.h"

namespace equipoise::program {

enum class OptimizerKind : std::uint8_t { kSgd, kAdamW };

/// What a network is trained with, besides the network itself. Where a comment does not say more,
/// an option has the same name and explains it.
struct TrainSettings {
  std::string data;
  double validation_fraction = 0.1;
  std::string validation_data;
  /// 0: see `Experiment`.
  int resize = 0;
  std::optional<Interpolation> interpolation = std::nullopt;
  std::optional<Crop> crop = std::nullopt;
  int padding = 0;
  std::optional<double> flip = std::nullopt;
  std::vector<float> mean = {};
  std::vector<float> std = {};
  BadImage bad_image = BadImage::kFatal;
  int workers = 2;

  std::int64_t epochs = 10;
  std::int64_t batch = 128;
  std::int64_t accumulate = 1;
  /// Without one, as the optimizer wants; `Experiment` says which.
  std::optional<double> rate = std::nullopt;
  Decay decay = Decay::kCosine;
  /// Epochs.
  double warmup = 0;
  double final_rate = 0;
  /// Epochs.
  std::vector<double> milestones = {};
  double factor = 0.1;
  OptimizerKind optimizer = OptimizerKind::kSgd;
  double momentum = 0.9;
  bool nesterov = false;
  /// Two.
  std::vector<double> adamw_betas = {0.9, 0.999};
  double adamw_epsilon = 1e-8;
  /// As `rate`.
  std::optional<double> weight_decay = std::nullopt;
  bool decay_norms_and_biases = false;
  FrozenNorms frozen_norms = FrozenNorms::kRunning;
  double label_smoothing = 0;
  std::optional<double> clip_norm = std::nullopt;
  std::optional<double> ema = std::nullopt;
  /// Images; 0: all.
  std::int64_t ema_recalibrate = 0;
  std::int64_t most_refusals = 10;
  std::uint64_t seed = 0;
  std::string plan;
  std::optional<Layout> layout = std::nullopt;
  MemoryMode memory = MemoryMode::kDefault;
  /// 0: as many as cores.
  int threads = 0;

  int keep = 3;
  /// Steps; 0: epochs alone.
  std::int64_t save_every = 0;
  /// As `save_every`.
  std::int64_t evaluate_every = 0;
  /// Steps.
  std::int64_t log_every = 50;
};

}  // namespace equipoise::program
