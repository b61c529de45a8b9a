#include "terminal.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace equipoise::program {
namespace {

constexpr const char* kToEmptyLine = "\r\033[K";

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }

/// Without those of the first `steps` steps of leaving out.
std::string joined(std::span<const LinePart> parts, int steps) {
  std::string line;
  for (const LinePart& part : parts) {
    const bool is_left_out = part.left_out > 0 && part.left_out <= steps;
    if (!is_left_out && !part.text.empty()) line += (line.empty() ? "" : "  ") + part.text;
  }
  return line;
}

}  // namespace

std::size_t terminal_columns(int descriptor) {
  winsize size = {};
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

std::size_t width_of(std::string_view utf8) {
  return static_cast<std::size_t>(std::ranges::count_if(utf8, begins_character));
}

std::string cut(std::string_view utf8, std::size_t width) {
  if (width_of(utf8) <= width) return std::string(utf8);
  std::size_t end = 0;
  for (std::size_t characters = 0; end < utf8.size(); ++end) {
    if (begins_character(utf8[end]) && ++characters == width) break;
  }
  return std::string(utf8.substr(0, end)) + "…";
}

std::string progress_bar(double share, int width) {
  const auto full = static_cast<int>(width * share);
  std::string bar;
  for (int i = 0; i < width; ++i) bar += i < full ? "█" : "░";
  return bar;
}

std::string fitted(std::span<const LinePart> parts, std::size_t width) {
  const int last = std::ranges::max(parts, {}, &LinePart::left_out).left_out;
  std::string line;
  for (int steps = 0; steps <= last; ++steps) {
    line = joined(parts, steps);
    if (width_of(line) <= width) return line;
  }
  return cut(line, width);
}

void redraw(std::span<const LinePart> parts) {
  constexpr std::size_t kUsual = 80;
  const std::size_t told = terminal_columns(STDERR_FILENO);
  const std::size_t columns = told == 0 ? kUsual : std::max<std::size_t>(told, 2);
  fmt::print(stderr, "{}{}", kToEmptyLine, fitted(parts, columns - 1));
  std::fflush(stderr);
}

void clear_drawn() { fmt::print(stderr, "{}", kToEmptyLine); }

}  // namespace equipoise::program
