#include "help.h"

#include <sstream>

#include <fmt/format.h>

namespace equipoise::program {
namespace {

constexpr std::size_t kNames = 28;
constexpr std::size_t kLine = 80;

/// Words in lines from column kNames to kLine, the first of which is begun already.
std::string wrapped(const std::string& description) {
  std::istringstream words(description);
  std::string text;
  std::size_t column = kNames;
  for (std::string word; words >> word;) {
    const bool first = column == kNames;
    if (!first && column + 1 + word.size() > kLine) {
      text += "\n" + std::string(kNames, ' ') + word;
      column = kNames + word.size();
      continue;
    }
    text += (first ? "" : " ") + word;
    column += word.size() + (first ? 0 : 1);
  }
  return text;
}

}  // namespace

HelpFormatter::HelpFormatter() {
  column_width(kNames);
  label("Positionals", "Arguments");
  label("SUBCOMMAND", "COMMAND");
}

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const {
  const std::string names =
      fmt::format("  {}{}", make_option_name(option, is_positional), make_option_opts(option));
  const bool fits = names.size() + 2 <= kNames;
  return fmt::format(
      "{}{}{}\n", names, fits ? "" : "\n",
      std::string(fits ? kNames - names.size() : kNames, ' ') + wrapped(make_option_desc(option)));
}

std::string HelpFormatter::make_option_opts(const CLI::Option* option) const {
  // "N:POSITIVE": the checks' names follow the type's.
  const std::string type = option->get_type_name();
  const std::string word = type.substr(0, type.find(':'));
  return word.empty() ? "" : " " + word;
}

std::string HelpFormatter::make_description(const CLI::App* app) const {
  return app->get_description() + "\n\n";
}

// Parts begin and end with line feeds of their own: one empty line between them is enough.
std::string HelpFormatter::make_help(const CLI::App* app, std::string name,
                                     CLI::AppFormatMode mode) const {
  std::string text = Formatter::make_help(app, std::move(name), mode);
  for (std::size_t at = 0; (at = text.find("\n\n\n", at)) != std::string::npos;) text.erase(at, 1);
  return text;
}

}  // namespace equipoise::program
