#pragma once

#include <optional>
#include <string>

#include "equipoise/data.h"
#include "equipoise/image.h"
#include "equipoise/loader.h"

namespace equipoise::program {

/// The data set that was opened last and the statistics of its channels, for trainings on the same
/// images one behind the other.
class DataCache {
 public:
  /// As open_training_data.
  const TrainingData& open(const std::string& name_or_path, const DatasetOptions& options);
  /// As channel_statistics of its training images.
  const ChannelStatistics& statistics(int channels, const StatisticsOptions& options);

 private:
  struct Opened {
    std::string name;
    DatasetOptions options;
    TrainingData data;
  };
  struct Measured {
    int channels;
    BadImage bad_image;
    ChannelStatistics statistics;
  };

  std::optional<Opened> opened_;
  std::optional<Measured> measured_;
};

}  // namespace equipoise::program
