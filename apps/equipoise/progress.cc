#include "progress.h"

#include <array>

#include <fmt/format.h>
#include <unistd.h>

#include "terminal.h"

namespace equipoise::program {

Progress::Progress(std::string title, int total)
    : title_(std::move(title)), total_(total), terminal_(isatty(STDERR_FILENO) == 1) {
  if (terminal_) show();
}

Progress::~Progress() {
  if (terminal_) clear_drawn();
}

void Progress::advance() {
  ++done_;
  if (terminal_) show();
}

void Progress::show() const {
  constexpr int kBarWidth = 30;
  std::string left;
  if (done_ > 0) {
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start_;
    left = fmt::format("{:.0f} s left", spent.count() * (total_ - done_) / done_);
  }
  redraw(std::array<LinePart, 4>{
      {{.text = title_, .left_out = 2},
       {.text = progress_bar(static_cast<double>(done_) / total_, kBarWidth), .left_out = 1},
       {.text = fmt::format("{}/{}", done_, total_)},
       {.text = left}}});
}

}  // namespace equipoise::program
