#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace equipoise::program {

/// Columns of the terminal that a descriptor is; 0: it is none, or does not say.
std::size_t terminal_columns(int descriptor);

/// Columns of a text: its characters; all that we print are one column wide.
std::size_t width_of(std::string_view utf8);

/// The text, or its first characters and "…" where it is wider.
std::string cut(std::string_view utf8, std::size_t width);

/// "█████░░░"
std::string progress_bar(double share, int width);

/// A part of a line that fits itself to a terminal.
struct LinePart {
  std::string text;
  /// Where there is no room for all: 1 is left out first, then 2, …; 0 stays.
  int left_out = 0;
};

/// Parts that are not empty, with two spaces between them, in at most `width` columns; what stays
/// is cut there.
std::string fitted(std::span<const LinePart> parts, std::size_t width);

/// Draws a line on standard error, a terminal, in place of the one that was drawn before: in less
/// than all columns, since of a line that is wrapped only the last part would be replaced.
void redraw(std::span<const LinePart> parts);
/// Removes it.
void clear_drawn();

}  // namespace equipoise::program
