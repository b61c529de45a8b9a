#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "data/workers.h"
#include "equipoise/error.h"
#include "equipoise/loader.h"

namespace equipoise {
namespace {

/// How often each value occurs.
using Counts = std::array<std::uint64_t, 256>;

/// Of value/255.
struct Moments {
  double mean = 0;
  double std = 0;
};

Moments moments(const Counts& counts) {
  double count = 0;
  double sum = 0;
  for (std::size_t v = 0; v < counts.size(); ++v) {
    count += static_cast<double>(counts[v]);
    sum += static_cast<double>(counts[v]) * static_cast<double>(v);
  }
  const double mean = sum / count;
  double squares = 0;
  for (std::size_t v = 0; v < counts.size(); ++v) {
    const double difference = static_cast<double>(v) - mean;
    squares += static_cast<double>(counts[v]) * difference * difference;
  }
  return {.mean = mean / 255, .std = std::sqrt(squares / count) / 255};
}

std::optional<Image> image_if_good(const Dataset& dataset, std::int64_t i, BadImage bad_image) {
  try {
    return dataset.image(i);
  } catch (const Error&) {
    if (bad_image == BadImage::kFatal) throw;
    return std::nullopt;
  }
}

/// Counts of a data set, by several threads: sums of counts are exact, in whatever order.
class Counting {
 public:
  Counting(const Dataset& dataset, int channels, const StatisticsOptions& options)
      : dataset_(dataset), channels_(static_cast<std::size_t>(channels)), options_(options) {}

  std::array<Counts, 3> run() {
    {
      std::vector<std::jthread> threads;
      try {
        for (int i = 1; i < options_.workers; ++i) threads.emplace_back([this] { work(false); });
      } catch (const std::system_error& error) {
        next_ = dataset_.size();
        data::fail_to_start(options_.workers, error);
      }
      work(true);
    }
    if (error_) std::rethrow_exception(error_);
    if (good_ == 0) throw Error("statistics of images of which none can be read");
    return counts_;
  }

 private:
  void work(bool is_caller) {
    std::array<Counts, 3> counts{};
    std::int64_t good = 0;
    std::int64_t i = next_++;
    try {
      for (; i < dataset_.size(); i = next_++) {
        if (add(i, counts)) ++good;
        ++read_;
        if (is_caller && options_.progress) options_.progress(read_);
      }
    } catch (...) {
      // All images before this one are being read, so the first bad one is always found.
      next_ = dataset_.size();
      const std::scoped_lock lock(mutex_);
      if (!error_ || i < bad_) {
        error_ = std::current_exception();
        bad_ = i;
      }
    }
    const std::scoped_lock lock(mutex_);
    good_ += good;
    for (std::size_t c = 0; c < channels_; ++c) {
      for (std::size_t v = 0; v < counts[c].size(); ++v) counts_[c][v] += counts[c][v];
    }
  }

  /// Whether the image could be read.
  bool add(std::int64_t i, std::array<Counts, 3>& counts) const {
    const std::optional<Image> image = image_if_good(dataset_, i, options_.bad_image);
    if (!image) return false;
    const std::vector<std::uint8_t> pixels =
        with_channels(*image, static_cast<int>(channels_)).pixels;
    for (std::size_t p = 0; p < pixels.size(); p += channels_) {
      for (std::size_t c = 0; c < channels_; ++c) ++counts[c][pixels[p + c]];
    }
    return true;
  }

  const Dataset& dataset_;
  const std::size_t channels_;
  const StatisticsOptions& options_;
  std::atomic<std::int64_t> next_ = 0;
  std::atomic<std::int64_t> read_ = 0;

  std::mutex mutex_;  // of what follows
  std::array<Counts, 3> counts_{};
  std::int64_t good_ = 0;
  std::exception_ptr error_;
  std::int64_t bad_ = 0;
};

}  // namespace

ChannelStatistics channel_statistics(const Dataset& dataset, int channels,
                                     const StatisticsOptions& options) {
  if (channels != 1 && channels != 3) {
    throw Error(fmt::format("statistics of {} channels; images have 1 or 3", channels));
  }
  data::check_workers(options.workers);
  const std::array<Counts, 3> counts = Counting(dataset, channels, options).run();
  ChannelStatistics statistics;
  for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c) {
    const auto [mean, std] = moments(counts[c]);
    if (!(std > 0)) {
      throw Error(
          fmt::format("all pixels of channel {} are {}: the data set cannot be normalized "
                      "by their standard deviation",
                      c, mean * 255));
    }
    statistics.mean.push_back(static_cast<float>(mean));
    statistics.std.push_back(static_cast<float>(std));
  }
  return statistics;
}

}  // namespace equipoise
