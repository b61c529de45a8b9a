#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace equipoise::program {

/// How text is set off. Without color, as it is.
struct Style {
  bool color = false;
  /// Columns of the terminal; 0: as many as it takes.
  std::size_t columns = 0;

  std::string strong(std::string_view text) const;
  std::string faint(std::string_view text) const;
};

/// Text as one word of a command that is typed into a shell: quoted where it has to be.
std::string shell_word(std::string_view text);

/// Where a command's result goes: to a file, or to standard output.
class Output {
 public:
  /// An empty path is standard output.
  explicit Output(std::string path) : path_(std::move(path)) {}

  /// Colored on a terminal, unless the environment has NO_COLOR (no-color.org) or TERM=dumb.
  Style style() const;

  /// Throws Error if not all of it could be written.
  void write(std::string_view text) const;

 private:
  std::string path_;
};

}  // namespace equipoise::program
