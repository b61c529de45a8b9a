#pragma once

#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "equipoise/graph.h"
#include "equipoise/run.h"
#include "model_arguments.h"
#include "train_settings.h"

namespace equipoise::program {

/// Those of a file. Throws Error for one that cannot be read, CLI::ConfigError for what it says.
std::vector<Setting> read_settings(const std::filesystem::path& path);

/// What is trained, and with what: options of the command line, each of which may be a setting of a
/// file too. Options are bound to it, so it stays where it is.
class TrainArguments {
 public:
  explicit TrainArguments(CLI::App& command);
  TrainArguments(const TrainArguments&) = delete;
  TrainArguments& operator=(const TrainArguments&) = delete;

  const ModelArguments& model() const { return model_; }
  const TrainSettings& settings() const { return settings_; }

  /// Takes settings for options that were not given; these and `besides`. A default that was
  /// written back is none that was set, so it may stand where it says nothing; and what is said of
  /// a network is not said of a model file that was given in its place. Throws CLI::ParseError,
  /// which names `where` and the line, for those that are unknown, out of range or exclude each
  /// other.
  void apply(std::span<const Setting> file, std::string_view where,
             std::span<CLI::Option* const> besides = {});

  /// All that is set, and what else training does by default; applied elsewhere, they come to the
  /// same. Defaults of the network: ModelArguments::defaults.
  [[nodiscard]] std::vector<Setting> all() const;

  /// Names of all settings.
  [[nodiscard]] std::vector<std::string_view> keys() const;

  /// Whether a setting was given or applied.
  [[nodiscard]] bool is_set(std::string_view key) const;

  /// The first option that was given; null if none was.
  [[nodiscard]] const CLI::Option* given() const;

  /// Throws CLI::ParseError unless there are a model and a data set.
  void require() const;

 private:
  // In train_options.cc.
  void add_data(CLI::App& command);
  void add_training(CLI::App& command);
  void add_run(CLI::App& command);

  void check_exclusions() const;

  ModelArguments model_;
  TrainSettings settings_;
  /// Those that are settings.
  std::vector<CLI::Option*> options_;
};

}  // namespace equipoise::program
