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

/// By which images are known again.
struct ImageFacts {
  /// Of the data set, for messages.
  std::string data;
  std::int64_t images = 0;
  /// Of the classes' names, and of the class of each image.
  std::uint32_t labels_checksum = 0;
};

struct DataFacts {
  ImageFacts training;
  /// No images where nothing is held out.
  ImageFacts validation;
};

/// `training` and `validation` are what the data sets are called.
DataFacts facts_of(const TrainingData& data, const std::string& training,
                   const std::string& validation);

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
/// data than `data` or of another network.
TrainState restore(const Checkpoint& checkpoint, Trainer& trainer, const DataFacts& data);

}  // namespace equipoise::program
