#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "equipoise/graph.h"
#include "equipoise/model.h"
#include "equipoise/models.h"
#include "equipoise/norm_summary.h"
#include "equipoise/run.h"

namespace equipoise::program {

/// What a network has to fit.
struct DataShape {
  std::optional<std::int64_t> classes = std::nullopt;
  std::optional<std::int64_t> channels = std::nullopt;
  std::optional<ops::Pair> size = std::nullopt;
};

/// MODEL and what can be said about it, for every command that takes a model. Options of the
/// command line are bound to it, so it stays where it is.
class ModelArguments {
 public:
  explicit ModelArguments(CLI::App& command);
  ModelArguments(const ModelArguments&) = delete;
  ModelArguments& operator=(const ModelArguments&) = delete;

  /// The model that MODEL names by its file or the folder of its run, read once; null for the name
  /// of a network. Throws CLI::ParseError for options of networks by name, Error as Model::load.
  [[nodiscard]] std::shared_ptr<const Model> file() const;

  /// The network; what options leave open is as the data has it, or the network's own. Throws
  /// CLI::ParseError for an option that it has no use for, Error as build_model does and for a
  /// pattern that freezes nothing.
  [[nodiscard]] Graph build(const DataShape& data = {}) const;

  /// Freezes what --freeze says. Throws Error for a pattern that freezes nothing.
  void freeze(Graph& graph) const;

  /// MODEL
  const std::string& name() const { return name_; }
  /// Whether it is a file or a folder, rather than the name of a network.
  [[nodiscard]] bool is_file() const;

  /// Whether an option is of networks by name; a file says all of it.
  [[nodiscard]] bool describes_network(const CLI::Option& option) const;

  /// What a network that was built by its name has where no option says anything: its own
  /// normalization, and defaults of options that it has a use for.
  [[nodiscard]] std::vector<Setting> defaults(const Graph& network) const;

 private:
  /// Options that say nothing about some networks.
  struct Use {
    const std::vector<const CLI::Option*>& options;
    bool is_used;
    std::string why;
  };

  Graph build_named(const DataShape& data) const;
  std::vector<Use> uses(const std::vector<NormSummary>& norms) const;
  void add_norm(CLI::App& command);
  void add_sizes(CLI::App& command);
  void add_encoder(CLI::App& command);

  std::string name_;
  ModelOptions options_;
  std::optional<double> momentum_;
  std::optional<std::int64_t> window_;
  bool cumulative_ = false;
  bool biased_variance_ = false;
  bool no_update_running_ = false;
  std::vector<std::string> frozen_;
  mutable std::shared_ptr<const Model> file_;

  std::vector<const CLI::Option*> of_named_;
  /// Options that say nothing without a batch normalization, a group normalization, and so on.
  std::vector<const CLI::Option*> of_any_norm_;
  std::vector<const CLI::Option*> of_batch_norm_;
  std::vector<const CLI::Option*> of_blend_;
  std::vector<const CLI::Option*> of_group_norm_;
  std::vector<const CLI::Option*> of_mlp_;
  std::vector<const CLI::Option*> of_encoder_;
};

/// A model with weights, for commands that need them. Throws CLI::ParseError for the name of a
/// network, Error as Model::load.
Model load_trained(const std::string& model);

/// All names of models, in lines of at most 80 characters.
std::string list_of_models();

}  // namespace equipoise::program
