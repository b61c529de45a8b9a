#include "data_cache.h"

namespace equipoise::program {

const TrainingData& DataCache::open(const std::string& name_or_path,
                                    const DatasetOptions& options) {
  if (!opened_ || opened_->name != name_or_path || opened_->options != options) {
    measured_.reset();
    opened_.reset();
    opened_ = Opened{.name = name_or_path,
                     .options = options,
                     .data = open_training_data(name_or_path, options)};
  }
  return opened_->data;
}

const ChannelStatistics& DataCache::statistics(int channels, const StatisticsOptions& options) {
  if (!measured_ || measured_->channels != channels || measured_->bad_image != options.bad_image) {
    measured_ =
        Measured{.channels = channels,
                 .bad_image = options.bad_image,
                 .statistics = channel_statistics(*opened_->data.training, channels, options)};
  }
  return measured_->statistics;
}

}  // namespace equipoise::program
