#include "output.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <unistd.h>

#include "equipoise/error.h"
#include "terminal.h"

namespace equipoise::program {
namespace {

bool has_value(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

bool terminal_is_dumb() {
  const char* terminal = std::getenv("TERM");
  return terminal == nullptr || std::strcmp(terminal, "dumb") == 0;
}

struct Close {
  void operator()(std::FILE* file) const { static_cast<void>(std::fclose(file)); }
};

}  // namespace

std::string Style::strong(std::string_view text) const {
  return color ? fmt::format("\033[1m{}\033[0m", text) : std::string(text);
}

std::string Style::faint(std::string_view text) const {
  return color ? fmt::format("\033[2m{}\033[0m", text) : std::string(text);
}

std::string shell_word(std::string_view text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+=,:@%-";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos) {
    return std::string(text);
  }
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

Style Output::style() const {
  if (!path_.empty() || isatty(STDOUT_FILENO) == 0) return {};
  return {.color = !has_value("NO_COLOR") && !terminal_is_dumb(),
          .columns = terminal_columns(STDOUT_FILENO)};
}

void Output::write(std::string_view text) const {
  std::unique_ptr<std::FILE, Close> opened;
  std::FILE* file = stdout;
  if (!path_.empty()) {
    opened.reset(std::fopen(path_.c_str(), "wb"));
    file = opened.get();
  }
  if (file == nullptr || std::fwrite(text.data(), 1, text.size(), file) != text.size() ||
      std::fflush(file) != 0) {
    const int reason = errno;
    throw Error(fmt::format("cannot write to {}: {}",
                            path_.empty() ? "standard output" : fmt::format("'{}'", path_),
                            std::strerror(reason)));
  }
}

}  // namespace equipoise::program
