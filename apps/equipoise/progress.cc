#include "progress.h"

#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

namespace equipoise::program {

Progress::Progress(std::string title, int total)
    : title_(std::move(title)), total_(total), terminal_(isatty(STDERR_FILENO) == 1) {
  if (terminal_) show();
}

Progress::~Progress() {
  if (terminal_) fmt::print(stderr, "\r\033[K");
}

void Progress::advance() {
  ++done_;
  if (terminal_) show();
}

void Progress::show() const {
  constexpr int kWidth = 30;
  const int full = kWidth * done_ / total_;
  std::string bar;
  for (int i = 0; i < kWidth; ++i) bar += i < full ? "█" : "░";
  std::string left;
  if (done_ > 0) {
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start_;
    left = fmt::format("  {:.0f} s left", spent.count() * (total_ - done_) / done_);
  }
  fmt::print(stderr, "\r\033[K{} {} {}/{}{}", title_, bar, done_, total_, left);
  std::fflush(stderr);
}

}  // namespace equipoise::program
