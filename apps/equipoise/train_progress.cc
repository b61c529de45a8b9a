#include "train_progress.h"

#include <array>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

#include "numbers.h"

namespace equipoise::program {
namespace {

constexpr int kBarWidth = 20;

}  // namespace

std::string in_time(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

TrainProgress::TrainProgress(int trainings)
    : trainings_(trainings), terminal_(isatty(STDERR_FILENO) == 1) {}

TrainProgress::~TrainProgress() { clear(); }

void TrainProgress::clear() {
  if (shown_) clear_drawn();
  shown_ = false;
}

void TrainProgress::begin_reading(std::int64_t images) {
  images_to_read_ = images;
  told_of_reading_ = false;
  reading_since_ = Clock::now();
}

void TrainProgress::read(std::int64_t images) {
  constexpr auto kLong = std::chrono::seconds(1);
  const Clock::duration spent = Clock::now() - reading_since_;
  if (spent < kLong) return;
  if (!told_of_reading_) {
    line(fmt::format("Reading {} images once for their mean and standard deviation",
                     with_commas(images_to_read_)));
    told_of_reading_ = true;
  }
  if (!is_due()) return;
  const double share = static_cast<double>(images) / static_cast<double>(images_to_read_);
  const double left = std::chrono::duration<double>(spent).count() * (1 / share - 1);
  redraw(std::array<LinePart, 3>{
      {{.text = progress_bar(share, kBarWidth), .left_out = 1},
       {.text = fmt::format("{}/{} images", with_commas(images), with_commas(images_to_read_))},
       {.text = fmt::format("{} left", in_time(left)), .left_out = 2}}});
  shown_ = true;
}

void TrainProgress::begin(std::int64_t total, std::int64_t done) {
  if (total_ == 0) start_ = Clock::now();
  total_ = total;
  before_ += static_cast<double>(done) / static_cast<double>(total);
}

void TrainProgress::end(std::int64_t step) {
  before_ += 1 - static_cast<double>(step) / static_cast<double>(total_);
  ++ended_;
}

double TrainProgress::done(std::int64_t step) const {
  return ended_ + static_cast<double>(step) / static_cast<double>(total_);
}

void TrainProgress::line(std::string_view text) {
  clear();
  if (trainings_ > 1) {
    fmt::print(stderr, "{}/{} {}: {}\n", ended_ + 1, trainings_, title_, text);
  } else {
    fmt::print(stderr, "{}\n", text);
  }
}

void TrainProgress::detail(std::string_view text) {
  if (trainings_ == 1) line(text);
}

void TrainProgress::show(const Status& status) {
  if (!is_due()) return;
  redraw(parts(status));
  shown_ = true;
}

bool TrainProgress::is_due() {
  constexpr auto kPause = std::chrono::milliseconds(100);
  if (!terminal_ || Clock::now() - last_ < kPause) return false;
  last_ = Clock::now();
  return true;
}

void TrainProgress::log(const Status& status) {
  if (!terminal_) detail(fitted(parts(status), std::string::npos));
}

std::vector<LinePart> TrainProgress::parts(const Status& status) const {
  const std::string title =
      trainings_ > 1 ? fmt::format("{}/{} {}", ended_ + 1, trainings_, title_) : "";
  return {
      {.text = terminal_ ? progress_bar(done(status.step) / trainings_, kBarWidth) : "",
       .left_out = 1},
      {.text = title, .left_out = 5},
      {.text = fmt::format("epoch {:.2f}/{}", status.epoch, status.epochs)},
      {.text = fmt::format("step {}", status.step), .left_out = 2},
      {.text = fmt::format("loss {:.4f}  accuracy {:.2f} %", status.loss, 100 * status.accuracy)},
      {.text = fmt::format("rate {:.3g}", status.rate), .left_out = 4},
      {.text = fmt::format("{} images/s", with_commas(std::llround(status.images_per_second))),
       .left_out = 3},
      {.text = time_left(status.step)}};
}

std::string TrainProgress::time_left(std::int64_t step) const {
  const double made = done(step) - before_;
  const double left = trainings_ - done(step);
  if (made <= 0 || left <= 0) return {};
  const std::chrono::duration<double> spent = Clock::now() - start_;
  return fmt::format("{} left", in_time(spent.count() / made * left));
}

}  // namespace equipoise::program
