#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "equipoise/data.h"
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

/// By which a data set is known again.
struct DataFacts {
  std::int64_t training_images = 0;
  std::int64_t validation_images = 0;
  /// Of the classes' names, and of the class of each image.
  std::uint32_t labels_checksum = 0;

  bool operator==(const DataFacts&) const = default;
};

DataFacts facts_of(const TrainingData& data);

/// What a run goes on from, besides tensors.
struct TrainState {
  TrainerState trainer;
  Tally tally = {};
  /// Of training, up to here.
  double seconds = 0;
  /// Lines of metrics up to here.
  std::int64_t metric_lines = 0;
  DataFacts data = {};
};

void save(RunFolder& folder, Trainer& trainer, const TrainState& state,
          std::optional<double> score);

/// Puts a training where its checkpoint was made. Throws Error, with the file, if that is of other
/// data (which are called `name` and are `data` now) or of another network.
TrainState restore(const Checkpoint& checkpoint, Trainer& trainer, const DataFacts& data,
                   const std::string& name);

}  // namespace equipoise::program
