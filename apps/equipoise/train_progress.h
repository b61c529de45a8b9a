#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "terminal.h"

namespace equipoise::program {

/// "3:07", "1:02:45"
std::string in_time(double seconds);

/// What trainings tell while they run, one behind the other, on standard error: lines, and on a
/// terminal below them one that changes.
class TrainProgress {
 public:
  explicit TrainProgress(int trainings = 1);
  ~TrainProgress();
  TrainProgress(const TrainProgress&) = delete;
  TrainProgress& operator=(const TrainProgress&) = delete;

  /// Before a training, so many images are read for their mean and standard deviation.
  void begin_reading(std::int64_t images);
  /// So many of them have been, of which is told once it takes long.
  void read(std::int64_t images);

  /// What lines of the next training begin with; of several ones.
  void title(std::string title) { title_ = std::move(title); }
  /// It has `total` steps, of which `done` were made before.
  void begin(std::int64_t total, std::int64_t done);
  /// The training that began will make no more than these steps.
  void end(std::int64_t step);

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
  /// A line, of a training that is the only one.
  void detail(std::string_view text);

 private:
  using Clock = std::chrono::steady_clock;

  /// Whether it is time to draw the changing line again.
  bool is_due();
  std::vector<LinePart> parts(const Status& status) const;
  std::string time_left(std::int64_t step) const;
  void clear();

  /// Of all trainings, in trainings.
  double done(std::int64_t step) const;

  int trainings_;
  int ended_ = 0;
  std::string title_;
  std::int64_t total_ = 0;
  /// What was done before this process: in trainings.
  double before_ = 0;
  bool terminal_;
  bool shown_ = false;
  std::int64_t images_to_read_ = 0;
  bool told_of_reading_ = false;
  Clock::time_point reading_since_ = {};
  Clock::time_point start_ = {};
  Clock::time_point last_ = {};
};

}  // namespace equipoise::program
