#include "train_arguments.h"

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "checks.h"
#include "choice.h"
#include "equipoise/error.h"

namespace equipoise::program {
namespace {

constexpr const char* kData = "Data";
constexpr const char* kTraining = "Training";
constexpr const char* kRun = "Run";
constexpr const char* kModel = "model";

constexpr double kMost = std::numeric_limits<double>::max();

std::string_view key_of(const CLI::Option& option) { return option.get_lnames().front(); }

/// Of an option that is set, or has a default.
std::vector<std::string> values_of(const CLI::Option& option) {
  if (option.count() > 0) return option.results();
  const std::string by_default = option.get_default_str();
  return by_default.empty() ? std::vector<std::string>() : std::vector{by_default};
}

[[noreturn]] void fail(std::string_view where, const Setting& setting, std::string_view what) {
  const std::string line = setting.line > 0 ? fmt::format(", line {}", setting.line) : "";
  throw CLI::ConfigError(fmt::format("'{}'{}: {}", where, line, what));
}

}  // namespace

TrainArguments::TrainArguments(CLI::App& command) : model_(command) {
  add_data(command);
  add_training(command);
  add_run(command);
  for (CLI::Option* option : command.get_options()) {
    if (option->get_lnames().empty() || option == command.get_help_ptr()) continue;
    options_.push_back(option);
  }
}

void TrainArguments::add_data(CLI::App& command) {
  TrainSettings& s = settings_;
  const auto grouped = [](CLI::Option* option, const char* type) {
    option->type_name(type)->group(kData);
  };
  grouped(command.add_option("--data", s.data,
                             "fashion-mnist, or a folder: of images in one folder per class, of "
                             "CIFAR's binary files, or of MNIST's"),
          "NAME|FOLDER");
  grouped(command
              .add_option("--validation", s.validation,
                          "Share of the training images that is held out, where the data set "
                          "has no validation images of its own (0.1)")
              ->check(number_between(0, 0.9))
              ->capture_default_str(),
          "F");
  grouped(command
              .add_option("--resize", s.resize,
                          "Resize the shorter side to this before the network's size is cut "
                          "out; by default to that size, and where images are of several sizes "
                          "to 8/7 of it")
              ->check(count()),
          "N");
  static const std::map<std::string, Crop> crops = {
      {"centre", Crop::kCentre}, {"random", Crop::kRandom}, {"resized", Crop::kRandomResized}};
  add_choice(
      command, "--crop", crops, [&s](Crop crop) { s.crop = crop; },
      "What training cuts out: centre; random; resized, a box of random size. By default "
      "resized where images are of several sizes, else centre")
      ->group(kData);
  grouped(
      command.add_option("--padding", s.padding, "Black pixels around images, for --crop random")
          ->check(whole_number()),
      "N");
  grouped(command
              .add_option("--flip", s.flip,
                          "Probability that training mirrors an image; by default 0.5 where "
                          "images are of several sizes, else 0")
              ->check(number_between(0, 1)),
          "P");
  grouped(command
              .add_option("--mean", s.mean,
                          "Mean of each channel, from 0 to 1, by which pixels are normalized; "
                          "by default that of the training images")
              ->delimiter(','),
          "M,...");
  grouped(command.add_option("--std", s.std, "Standard deviation of each channel, likewise")
              ->delimiter(','),
          "S,...");
  static const std::map<std::string, BadImage> bad_images = {{"fail", BadImage::kFatal},
                                                             {"skip", BadImage::kSkip}};
  add_choice(
      command, "--bad-images", bad_images, [&s](BadImage bad) { s.bad_image = bad; },
      "At an image that cannot be read: fail (default) or skip")
      ->group(kData);
  grouped(command.add_option("--workers", s.workers, "Threads that load images (2)")
              ->check(count())
              ->capture_default_str(),
          "N");
}

void TrainArguments::add_training(CLI::App& command) {
  TrainSettings& s = settings_;
  const auto grouped = [](CLI::Option* option, const char* type) {
    option->type_name(type)->group(kTraining);
  };
  grouped(command.add_option("--epochs", s.epochs, "Times that all images are seen (10)")
              ->check(count())
              ->capture_default_str(),
          "N");
  grouped(command.add_option("--batch", s.batch, "Images of a batch (128)")
              ->check(count())
              ->capture_default_str(),
          "N");
  grouped(command.add_option("--lr", s.rate, "Learning rate (0.1)")
              ->check(positive())
              ->capture_default_str(),
          "R");
  static const std::map<std::string, Decay> decays = {
      {"constant", Decay::kConstant}, {"step", Decay::kStep}, {"cosine", Decay::kCosine}};
  add_choice(
      command, "--schedule", decays, [&s](Decay decay) { s.decay = decay; },
      "How the rate goes on: cosine (default), step or constant")
      ->group(kTraining);
  grouped(command.add_option("--warmup", s.warmup, "Epochs in which the rate rises (0)")
              ->check(number_between(0, kMost))
              ->capture_default_str(),
          "E");
  grouped(command.add_option("--final-lr", s.final_rate, "Where cosine ends (0)")
              ->check(number_between(0, kMost))
              ->capture_default_str(),
          "R");
  grouped(command
              .add_option("--milestones", s.milestones,
                          "Epochs at which --schedule step lowers the rate")
              ->delimiter(',')
              ->check(positive()),
          "E,...");
  grouped(command.add_option("--lr-factor", s.factor, "What it is multiplied by at each (0.1)")
              ->check(number_between(0, 1))
              ->capture_default_str(),
          "F");
  grouped(command.add_option("--sgd-momentum", s.momentum, "Of the optimizer (0.9)")
              ->check(number_between(0, 1))
              ->capture_default_str(),
          "M");
  command.add_flag("--nesterov", s.nesterov, "Nesterov's momentum")->group(kTraining);
  grouped(command.add_option("--weight-decay", s.weight_decay, "Of all parameters (0.0005)")
              ->check(number_between(0, kMost))
              ->capture_default_str(),
          "D");
  grouped(command
              .add_option("--label-smoothing", s.label_smoothing,
                          "Share of each label that is spread over all classes (0)")
              ->check(number_between(0, 0.99))
              ->capture_default_str(),
          "S");
  grouped(command
              .add_option("--seed", s.seed,
                          "Of initial weights, order, augmentation, dropout, and of what is "
                          "held out (0)")
              ->check(whole_number())
              ->capture_default_str(),
          "N");
  static const std::map<std::string, Layout> layouts = {{"channels_first", Layout::kChannelsFirst},
                                                        {"channels_last", Layout::kChannelsLast},
                                                        {"blocked8", Layout::kBlocked8},
                                                        {"blocked16", Layout::kBlocked16}};
  add_choice(
      command, "--layout", layouts, [&s](Layout layout) { s.layout = layout; },
      "Of images between convolutions: channels_first, channels_last, blocked8 or blocked16; "
      "what the machine is fastest with by default")
      ->group(kTraining);
  grouped(command.add_option("--threads", s.threads, "Threads, as many as cores by default")
              ->check(count()),
          "N");
}

void TrainArguments::add_run(CLI::App& command) {
  TrainSettings& s = settings_;
  const auto add = [&](const char* flag, auto& value, const char* description) {
    command.add_option(flag, value, description)
        ->check(count())
        ->type_name("N")
        ->group(kRun)
        ->capture_default_str();
  };
  add("--keep", s.keep, "Checkpoints that are kept, besides the best one (3)");
  command
      .add_option("--save-every", s.save_every,
                  "Steps between checkpoints within an epoch; none by "
                  "default: there is one behind each epoch")
      ->check(count())
      ->type_name("N")
      ->group(kRun);
  add("--log-every", s.log_every, "Steps between lines of metrics (50)");
}

std::vector<std::string_view> TrainArguments::keys() const {
  std::vector<std::string_view> keys;
  for (const CLI::Option* option : options_) keys.push_back(key_of(*option));
  return keys;
}

void TrainArguments::apply(std::span<const Setting> file, std::string_view where) {
  try {
    check_keys(file, keys(), where);
  } catch (const Error& error) {
    throw CLI::ConfigError(error.what());
  }
  for (const Setting& setting : file) {
    const auto found = std::ranges::find_if(
        options_, [&](const CLI::Option* o) { return key_of(*o) == setting.key; });
    CLI::Option& option = **found;
    const bool is_given = option.count() > 0 || (setting.key == kModel && !model_.name().empty());
    if (is_given || setting.values.empty()) continue;
    const bool is_flag = option.get_expected_min() == 0;
    if (is_flag && setting.values != std::vector<std::string>{"true"}) {
      if (setting.values == std::vector<std::string>{"false"}) continue;
      fail(where, setting, fmt::format("'{}' is true or false", setting.key));
    }
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
    Setting setting{.key = std::string(key_of(*option)), .values = values_of(*option)};
    if (setting.key != kModel && !setting.values.empty()) all.push_back(std::move(setting));
  }
  return all;
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
