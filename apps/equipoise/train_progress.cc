#include "train_progress.h"

#include <cmath>
#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

#include "numbers.h"

namespace equipoise::program {

std::string in_time(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

TrainProgress::TrainProgress(std::int64_t total, std::int64_t done)
    : total_(total), done_(done), terminal_(isatty(STDERR_FILENO) == 1) {}

TrainProgress::~TrainProgress() { clear(); }

void TrainProgress::clear() {
  if (shown_) fmt::print(stderr, "\r\033[K");
  shown_ = false;
}

void TrainProgress::line(std::string_view text) {
  clear();
  fmt::print(stderr, "{}\n", text);
}

void TrainProgress::show(const Status& status) {
  constexpr auto kPause = std::chrono::milliseconds(100);
  if (!terminal_ || Clock::now() - last_ < kPause) return;
  last_ = Clock::now();
  constexpr int kWidth = 20;
  const auto full = static_cast<int>(kWidth * status.step / total_);
  std::string bar;
  for (int i = 0; i < kWidth; ++i) bar += i < full ? "█" : "░";
  fmt::print(stderr, "\r\033[K{} {}", bar, text(status));
  std::fflush(stderr);
  shown_ = true;
}

void TrainProgress::log(const Status& status) {
  if (!terminal_) line(text(status));
}

std::string TrainProgress::text(const Status& status) const {
  return fmt::format(
      "epoch {:.2f}/{}  step {}  loss {:.4f}  accuracy {:.2f} %  rate {:.3g}  {} images/s{}",
      status.epoch, status.epochs, status.step, status.loss, 100 * status.accuracy, status.rate,
      with_commas(std::llround(status.images_per_second)), time_left(status.step));
}

std::string TrainProgress::time_left(std::int64_t step) const {
  if (step <= done_ || step >= total_) return {};
  const std::chrono::duration<double> spent = Clock::now() - start_;
  const double per_step = spent.count() / static_cast<double>(step - done_);
  return fmt::format("  {} left", in_time(per_step * static_cast<double>(total_ - step)));
}

}  // namespace equipoise::program
