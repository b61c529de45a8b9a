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

/// What a network is trained with, besides the network itself. Where a comment does not say more,
/// an option has the same name and explains it.
struct TrainSettings {
  std::string data;
  double validation = 0.1;
  /// 0: see `Experiment`.
  int resize = 0;
  std::optional<Crop> crop = std::nullopt;
  int padding = 0;
  std::optional<double> flip = std::nullopt;
  std::vector<float> mean = {};
  std::vector<float> std = {};
  BadImage bad_image = BadImage::kFatal;
  int workers = 2;

  std::int64_t epochs = 10;
  std::int64_t batch = 128;
  double rate = 0.1;
  Decay decay = Decay::kCosine;
  /// Epochs.
  double warmup = 0;
  double final_rate = 0;
  /// Epochs.
  std::vector<double> milestones = {};
  double factor = 0.1;
  double momentum = 0.9;
  bool nesterov = false;
  double weight_decay = 5e-4;
  double label_smoothing = 0;
  std::uint64_t seed = 0;
  std::optional<Layout> layout = std::nullopt;
  /// 0: as many as cores.
  int threads = 0;

  int keep = 3;
  /// Steps; 0: epochs alone.
  std::int64_t save_every = 0;
  /// Steps.
  std::int64_t log_every = 50;
};

}  // namespace equipoise::program
