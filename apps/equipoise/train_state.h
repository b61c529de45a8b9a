#pragma once

#include <cstdint>
#include <optional>

#include "equipoise/run.h"
#include "equipoise/train.h"

namespace equipoise::program {

/// Sums over the steps since the last line of metrics.
struct Tally {
  double loss = 0;
  std::int64_t samples = 0;
  std::int64_t right = 0;
  /// The learning rate of the last step.
  double rate = 0;
};

/// What a run goes on from, besides tensors.
struct TrainState {
  TrainerState trainer;
  Tally tally = {};
  /// Of training, up to here.
  double seconds = 0;
};

void save(RunFolder& folder, Trainer& trainer, const TrainState& state,
          std::optional<double> score);

/// Puts a training where its checkpoint was made. Throws Error if that is of another network.
TrainState restore(const Checkpoint& checkpoint, Trainer& trainer);

}  // namespace equipoise::program
