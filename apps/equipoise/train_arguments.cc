#include "train_arguments.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "contents_of.h"
#include "equipoise/error.h"

namespace equipoise::program {
namespace {

constexpr const char* kModel = "model";

std::string_view key_of(const CLI::Option& option) { return option.get_lnames().front(); }

/// Empty if it has none.
std::vector<std::string> default_of(const CLI::Option& option) {
  const std::string text = option.get_default_str();
  if (text.empty()) return {};
  return option.get_delimiter() == '\0' ? std::vector{text}
                                        : CLI::detail::split(text, option.get_delimiter());
}

[[noreturn]] void fail(std::string_view where, const Setting& setting, std::string_view what) {
  const std::string line = setting.line > 0 ? fmt::format(", line {}", setting.line) : "";
  throw CLI::ConfigError(fmt::format("'{}'{}: {}", where, line, what));
}

}  // namespace

std::vector<Setting> read_settings(const std::filesystem::path& path) {
  const std::string text = contents_of(path);
  try {
    return parse_settings(text, path.string());
  } catch (const Error& error) {
    throw CLI::ConfigError(error.what());
  }
}

TrainArguments::TrainArguments(CLI::App& command) : model_(command) {
  add_data(command);
  add_training(command);
  add_run(command);
  for (CLI::Option* option : command.get_options()) {
    if (option->get_lnames().empty() || option == command.get_help_ptr()) continue;
    options_.push_back(option);
    const bool is_flag = option->get_expected_max() == 0;
    if (is_flag) option->default_str("false");
  }
}

std::vector<std::string_view> TrainArguments::keys() const {
  std::vector<std::string_view> keys;
  for (const CLI::Option* option : options_) keys.push_back(key_of(*option));
  return keys;
}

void TrainArguments::apply(std::span<const Setting> file, std::string_view where,
                           std::span<CLI::Option* const> besides) {
  std::vector<CLI::Option*> options = options_;
  options.insert(options.end(), besides.begin(), besides.end());
  std::vector<std::string_view> keys;
  keys.reserve(options.size());
  for (const CLI::Option* option : options) keys.push_back(key_of(*option));
  try {
    check_keys(file, keys, where);
  } catch (const Error& error) {
    throw CLI::ConfigError(error.what());
  }
  const bool is_of_other_network =
      model_.is_file() && std::ranges::find(file, kModel, &Setting::key) != file.end();
  for (const Setting& setting : file) {
    CLI::Option& option =
        *options[static_cast<std::size_t>(std::ranges::find(keys, setting.key) - keys.begin())];
    const bool is_given = option.count() > 0 || (setting.key == kModel && !model_.name().empty());
    const bool is_default = !setting.values.empty() && setting.values == default_of(option);
    if (is_given || is_default) continue;
    if (is_of_other_network && model_.describes_network(option)) continue;
    const bool is_flag = option.get_expected_max() == 0;
    if (is_flag && setting.values != std::vector<std::string>{"true"}) {
      fail(where, setting, fmt::format("'{}' is true or false", setting.key));
    }
    if (option.get_expected_max() == 1 && setting.values.size() != 1) {
      fail(where, setting,
           fmt::format("'{}' is one value, not {}", setting.key,
                       setting.values.empty() ? "an empty list" : "a list"));
    }
    if (setting.values.empty()) continue;
    try {
      for (const std::string& value : setting.values) option.add_result(value);
      option.run_callback();
    } catch (const CLI::ParseError& error) {
      fail(where, setting, error.what());
    }
  }
  check_exclusions();
}

void TrainArguments::check_exclusions() const {
  for (const CLI::Option* option : options_) {
    if (option->count() == 0) continue;
    for (const CLI::Option* excluded : option->get_excludes()) {
      if (excluded->count() > 0) throw CLI::ExcludesError(option->get_name(), excluded->get_name());
    }
  }
}

std::vector<Setting> TrainArguments::all() const {
  std::vector<Setting> all = {{.key = kModel, .values = {model_.name()}}};
  for (const CLI::Option* option : options_) {
    if (key_of(*option) == kModel) continue;
    std::vector<std::string> values;
    if (option->count() > 0) {
      values = option->reduced_results();
    } else if (!model_.describes_network(*option)) {
      values = default_of(*option);
    }
    if (!values.empty()) all.push_back({.key = std::string(key_of(*option)), .values = values});
  }
  return all;
}

bool TrainArguments::is_set(std::string_view key) const {
  if (key == kModel) return !model_.name().empty();
  return std::ranges::any_of(options_, [key](const CLI::Option* option) {
    return key_of(*option) == key && option->count() > 0;
  });
}

const CLI::Option* TrainArguments::given() const {
  const auto found =
      std::ranges::find_if(options_, [](const CLI::Option* option) { return option->count() > 0; });
  return found == options_.end() ? nullptr : *found;
}

void TrainArguments::require() const {
  if (model_.name().empty()) throw CLI::RequiredError("MODEL");
  if (settings_.data.empty()) throw CLI::RequiredError("--data");
}

}  // namespace equipoise::program
