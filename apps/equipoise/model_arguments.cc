#include "model_arguments.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "checks.h"
#include "choice.h"
#include "equipoise/error.h"

namespace equipoise::program {
namespace {

constexpr const char* kModelGroup = "Model";
constexpr const char* kNormGroup = "Normalization of the model";
constexpr const char* kEncoderGroup = "Sizes of the encoder";

/// "224" or "224x320"
ops::Pair parse_size(const std::string& text) {
  const std::size_t x = text.find('x');
  const auto height = parse_count(std::string_view(text).substr(0, x));
  const auto width =
      x == std::string::npos ? height : parse_count(std::string_view(text).substr(x + 1));
  if (!height || !width) {
    throw CLI::ValidationError("--size", fmt::format("'{}' is neither N nor HxW", text));
  }
  return {*height, *width};
}

void refuse(const std::vector<const CLI::Option*>& options, const std::string& why) {
  for (const CLI::Option* option : options) {
    if (option->count() > 0) throw CLI::ValidationError(option->get_name(), why);
  }
}

bool is_name(const std::string& model) {
  const std::span<const std::string_view> names = model_names();
  return std::ranges::find(names, model) != names.end();
}

}  // namespace

ModelArguments::ModelArguments(CLI::App& command) {
  CLI::Option* name =
      command
          .add_option("MODEL", name_,
                      "The name of a network (see below), an ONNX file, or the folder of a run")
          ->type_name("");
  command.add_option("--model", name_, "The same, as an option")->type_name("NAME")->excludes(name);
  add_sizes(command);
  add_norm(command);
  add_encoder(command);
  for (const CLI::Option* option : command.get_options()) {
    const std::string& group = option->get_group();
    const bool describes = group == kModelGroup || group == kNormGroup || group == kEncoderGroup;
    if (describes && !option->check_lname("freeze")) of_named_.push_back(option);
  }
}

void ModelArguments::add_sizes(CLI::App& command) {
  command.add_option("--classes", options_.classes, "Classes, the model's own by default")
      ->type_name("N")
      ->check(count())
      ->group(kModelGroup);
  command.add_option("--input-channels", options_.input_channels, "Channels of the image")
      ->type_name("N")
      ->check(count())
      ->group(kModelGroup);
  command
      .add_option_function<std::string>(
          "--size", [this](const std::string& text) { options_.input_size = parse_size(text); },
          "Size of the image, in pixels")
      ->type_name("N|HxW")
      ->group(kModelGroup);
  command.add_option("--dropout", options_.dropout, "Probability, from 0 to below 1")
      ->type_name("P")
      ->group(kModelGroup);
  command
      .add_option("--stochastic-depth", options_.stochastic_depth,
                  "Probability for the deepest residual branch")
      ->type_name("P")
      ->group(kModelGroup);
  command.add_option("--hidden", options_.hidden, "Widths of hidden linear layers (mlp, vgg)")
      ->delimiter(',')
      ->type_name("N,...")
      ->group(kModelGroup);
  using ops::Function;
  static const std::map<std::string, Function> activations = {
      {"sigmoid", Function::kSigmoid},
      {"tanh", Function::kTanh},
      {"relu", Function::kRelu},
      {"relu6", Function::kRelu6},
      {"leaky_relu", Function::kLeakyRelu},
      {"silu", Function::kSilu},
      {"gelu", Function::kGelu},
      {"hard_swish", Function::kHardSwish},
      {"hard_sigmoid", Function::kHardSigmoid}};
  of_mlp_.push_back(add_choice(
                        command, "--activation", activations,
                        [this](Function function) { options_.mlp_activation = function; },
                        "Of the mlp: sigmoid (default), tanh, relu, relu6, leaky_relu, silu, gelu, "
                        "hard_swish or hard_sigmoid")
                        ->default_str(word_of(activations, options_.mlp_activation))
                        ->group(kModelGroup));
  command
      .add_flag("--zero-gamma", options_.zero_gamma,
                "Begin the last normalization of each residual branch with γ = 0")
      ->group(kModelGroup);
  command
      .add_option("--freeze", frozen_,
                  "Do not train parameters whose names match, such as 'conv1.*,layer1.*'")
      ->allow_extra_args(false)
      ->delimiter(',')
      ->type_name("PATTERN,...")
      ->group(kModelGroup);
}

void ModelArguments::add_norm(CLI::App& command) {
  using enum ModelNorm::Kind;
  static const std::map<std::string, ModelNorm::Kind> kinds = {
      {"batch", kBatch}, {"layer", kLayer}, {"instance", kInstance},
      {"group", kGroup}, {"rms", kRms},     {"none", kNone}};
  static const std::map<std::string, Statistics> statistics_by_name = {
      {"batch", Statistics::kBatch},
      {"running", Statistics::kRunning},
      {"blend", Statistics::kBlend}};
  ModelNorm& norm = options_.norm;

  add_choice(
      command, "--norm", kinds, [&norm](ModelNorm::Kind kind) { norm.kind = kind; },
      "batch, layer, instance, group, rms or none; the model's own by default")
      ->group(kNormGroup);
  of_any_norm_.push_back(command.add_option("--epsilon", norm.epsilon, "Added to the variance")
                             ->type_name("E")
                             ->check(number_between(0, 1))
                             ->capture_default_str()
                             ->group(kNormGroup));
  of_group_norm_.push_back(
      command.add_option("--groups", norm.groups, "Groups of channels of group normalization (32)")
          ->type_name("N")
          ->check(count())
          ->capture_default_str()
          ->group(kNormGroup));

  CLI::Option* momentum =
      command.add_option("--momentum", momentum_, "Weight of the new value in running averages")
          ->type_name("A")
          ->check(number_between(0, 1))
          ->default_str(fmt::format("{}", norm.rule.momentum));
  CLI::Option* cumulative =
      command.add_flag("--cumulative", cumulative_,
                       "Running averages are the means of all batches (in place of --momentum)");
  CLI::Option* window =
      command
          .add_option(
              "--window", window_,
              "Means of the first N batches, exponential from then on (in place of --momentum)")
          ->type_name("N")
          ->check(count());
  momentum->excludes(cumulative)->excludes(window);
  cumulative->excludes(window);
  CLI::Option* biased =
      command.add_flag("--biased-variance", biased_variance_,
                       "Running variances average M2/n of the batches, not M2/(n − 1)");
  CLI::Option* no_update = command
                               .add_flag("--no-update-running", no_update_running_,
                                         "Training leaves running averages as they are")
                               ->excludes(momentum)
                               ->excludes(cumulative)
                               ->excludes(window)
                               ->excludes(biased);
  CLI::Option* statistics = add_choice(
                                command, "--statistics", statistics_by_name,
                                [&norm](Statistics chosen) { norm.statistics = chosen; },
                                "What training normalizes with: batch (default), running or blend")
                                ->default_str(word_of(statistics_by_name, norm.statistics));
  CLI::Option* pseudo_count = command
                                  .add_option("--pseudo-count", norm.pseudo_count,
                                              "Samples that running ones count for in a blend (16)")
                                  ->type_name("N")
                                  ->check(positive())
                                  ->capture_default_str();
  of_blend_.push_back(pseudo_count);
  CLI::Option* ghost =
      command.add_option("--ghost-batch", norm.ghost_batch_size, "Samples that share statistics")
          ->type_name("N")
          ->check(count());
  CLI::Option* renorm = command
                            .add_option_function<std::vector<double>>(
                                "--renorm",
                                [&norm](const std::vector<double>& limits) {
                                  norm.renorm = Renorm{.r_max = limits[0], .d_max = limits[1]};
                                },
                                "Batch renormalization with these limits, such as 3,5")
                            ->delimiter(',')
                            ->type_name("R,D")
                            ->type_size(1)
                            ->expected(2);
  for (CLI::Option* option :
       {momentum, cumulative, window, biased, no_update, statistics, pseudo_count, ghost, renorm}) {
    of_batch_norm_.push_back(option->group(kNormGroup));
  }
}

void ModelArguments::add_encoder(CLI::App& command) {
  EncoderSizes& sizes = options_.encoder;
  const auto add = [&](const std::string& flag, std::int64_t& value, const std::string& what) {
    of_encoder_.push_back(command.add_option(flag, value, fmt::format("{} ({})", what, value))
                              ->type_name("N")
                              ->check(count())
                              ->group(kEncoderGroup));
  };
  add("--vocabulary", sizes.vocabulary, "Tokens that there are");
  add("--length", sizes.length, "Tokens of a sequence, with padding");
  add("--width", sizes.width, "Features of a token");
  add("--heads", sizes.heads, "Heads of attention; divides the width");
  add("--layers", sizes.layers, "Blocks of attention and MLP");
  add("--mlp-width", sizes.mlp_width, "Width of each block's hidden layer");
}

bool ModelArguments::is_file() const {
  return !is_name(name_) && (name_.find('/') != std::string::npos || name_.ends_with(".onnx") ||
                             std::filesystem::exists(name_));
}

bool ModelArguments::describes_network(const CLI::Option& option) const {
  return std::ranges::find(of_named_, &option) != of_named_.end();
}

std::shared_ptr<const Model> ModelArguments::file() const {
  if (!is_file()) return nullptr;
  refuse(of_named_, fmt::format("'{}' is a file, which says this itself", name_));
  if (!file_) file_ = std::make_shared<const Model>(Model::load(name_));
  return file_;
}

Graph ModelArguments::build(const DataShape& data) const {
  if (name_.empty()) throw CLI::RequiredError("MODEL");
  Graph graph = is_file() ? file()->graph() : build_named(data);
  freeze(graph);
  return graph;
}

void ModelArguments::freeze(Graph& graph) const {
  for (const std::string& pattern : frozen_) graph.set_frozen(pattern);
}

Graph ModelArguments::build_named(const DataShape& data) const {
  ModelOptions options = options_;
  if (!options.classes) options.classes = data.classes;
  if (!options.input_channels) options.input_channels = data.channels;
  if (!options.input_size) options.input_size = data.size;
  if (momentum_) options.norm.rule = UpdateRule{.momentum = *momentum_};
  if (cumulative_) options.norm.rule = UpdateRule{.averaging = Averaging::kCumulative};
  if (window_) {
    options.norm.rule = UpdateRule{.averaging = Averaging::kWindowed, .window = *window_};
  }
  if (biased_variance_) options.norm.rule.variance = VarianceEstimate::kBiased;
  options.norm.update_running = !no_update_running_;
  Graph graph = build_model(name_, options);

  for (const Use& use : uses(summarize_norms(graph))) {
    if (!use.is_used) refuse(use.options, use.why);
  }
  return graph;
}

std::vector<ModelArguments::Use> ModelArguments::uses(const std::vector<NormSummary>& norms) const {
  const bool has_batch_norm =
      std::ranges::find(norms, NormKind::kBatch, &NormSummary::kind) != norms.end();
  return {
      {of_batch_norm_, has_batch_norm,
       fmt::format("model '{}' as asked for has no batch normalization", name_)},
      {of_blend_, options_.norm.statistics == Statistics::kBlend,
       "only --statistics blend counts samples for running statistics"},
      {of_any_norm_, !norms.empty(),
       fmt::format("model '{}' as asked for has no normalization", name_)},
      {of_group_norm_, options_.norm.kind == ModelNorm::Kind::kGroup,
       "only --norm group has groups"},
      {of_mlp_, name_ == "mlp", "only model 'mlp' has an activation to choose"},
      {of_encoder_, name_ == "encoder", "only model 'encoder' has such a size"},
  };
}

std::vector<Setting> ModelArguments::defaults(const Graph& network) const {
  const std::vector<NormSummary> norms = summarize_norms(network);
  std::vector<Setting> settings;
  if (!options_.norm.kind) {
    const std::string_view kind = norms.empty() ? "none" : to_string(norms.front().kind);
    settings.push_back({.key = "norm", .values = {std::string(kind.substr(0, kind.find('_')))}});
  }
  const std::vector<Use> all = uses(norms);
  const auto is_set = [](const CLI::Option* option) { return option->count() > 0; };
  for (const CLI::Option* option : of_named_) {
    const bool is_used = std::ranges::none_of(all, [&](const Use& use) {
      return !use.is_used && std::ranges::find(use.options, option) != use.options.end();
    });
    const std::string value = option->get_default_str();
    const bool is_flag = option->get_expected_max() == 0;
    const bool is_replaced = !is_flag && std::ranges::any_of(option->get_excludes(), is_set);
    if (!is_used || is_set(option) || is_replaced || value.empty()) continue;
    settings.push_back({.key = option->get_lnames().front(), .values = {value}});
  }
  return settings;
}

Model load_trained(const std::string& model) {
  if (is_name(model)) {
    throw CLI::ValidationError(
        "MODEL", fmt::format("'{}' is a network without weights; give an ONNX file, or the folder "
                             "of a run of 'equipoise train'",
                             model));
  }
  return Model::load(model);
}

std::string list_of_models() {
  std::string text;
  std::size_t column = 0;
  for (const std::string_view name : model_names()) {
    if (column + name.size() > 76) {
      text += "\n";
      column = 0;
    }
    text += fmt::format("{}{}", column == 0 ? "  " : " ", name);
    column += name.size() + 1;
  }
  return text;
}

}  // namespace equipoise::program
