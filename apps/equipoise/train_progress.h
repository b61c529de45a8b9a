#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace equipoise::program {

/// "3:07", "1:02:45"
std::string in_time(double seconds);

/// What a training tells while it runs, on standard error: lines, and on a terminal below them one
/// that changes.
class TrainProgress {
 public:
  /// `total` steps, of which `done` were made before.
  TrainProgress(std::int64_t total, std::int64_t done);
  ~TrainProgress();
  TrainProgress(const TrainProgress&) = delete;
  TrainProgress& operator=(const TrainProgress&) = delete;

  struct Status {
    double epoch = 0;
    std::int64_t epochs = 0;
    std::int64_t step = 0;
    double loss = 0;
    double accuracy = 0;
    double rate = 0;
    double images_per_second = 0;
  };
  /// Behind a step, for terminals.
  void show(const Status& status);
  /// The same as a line, elsewhere.
  void log(const Status& status);
  void line(std::string_view text);

 private:
  using Clock = std::chrono::steady_clock;

  std::string text(const Status& status) const;
  std::string time_left(std::int64_t step) const;
  void clear();

  std::int64_t total_;
  std::int64_t done_;
  bool terminal_;
  bool shown_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = {};
};

}  // namespace equipoise::program
