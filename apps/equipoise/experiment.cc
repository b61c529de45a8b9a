#include "experiment.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "equipoise/error.h"
#include "equipoise/models.h"
#include "equipoise/norm_summary.h"
#include "equipoise/runtime.h"
#include "numbers.h"

namespace equipoise::program {
namespace {

constexpr int kEvaluationBatch = 256;

/// (C, H, W) of the network's images.
ImageSize image_of(const Graph& network) {
  const auto image = network.find_tensor("image");
  if (!image) {
    throw Error(
        fmt::format("model '{}' takes no images, and data sets are of images", network.name()));
  }
  const Shape shape = network.tensor(*image).type.shape.resolve(1);
  if (shape[1] != 1 && shape[1] != 3) {
    throw Error(
        fmt::format("model '{}' takes images of {} channels, and those of data sets have 1 (grey) "
                    "or 3 (color)",
                    network.name(), shape[1]));
  }
  return {.channels = static_cast<int>(shape[1]),
          .height = static_cast<int>(shape[2]),
          .width = static_cast<int>(shape[3])};
}

std::int64_t parameter_count(const Graph& network) {
  std::int64_t count = 0;
  for (const TensorId id : network.with_role(TensorRole::kParameter)) {
    count += network.tensor(id).type.shape.resolve(1).element_count();
  }
  return count;
}

template <class Number>
std::vector<std::string> texts(const std::vector<Number>& numbers) {
  std::vector<std::string> texts;
  texts.reserve(numbers.size());
  for (const Number number : numbers) texts.push_back(fmt::format("{}", number));
  return texts;
}

}  // namespace

Experiment::Experiment(const TrainArguments& arguments, DataCache& cache)
    : options_(arguments.settings()), settings_(arguments.all()) {
  arguments.require();
  reject_unused(arguments);
  choose_optimizer();
  if (options_.threads > 0) set_num_threads(options_.threads);
  set("threads", {std::to_string(num_threads())});
  build(arguments, cache);
  prepare_images(cache);
  training_ = std::make_unique<LoaderSource>(data_.training, Pass::kTraining, loading_);
  if (options_.batch > training_->loader().samples()) {
    throw Error(fmt::format("a batch of {} is more than the {} training images; take --batch {}",
                            options_.batch, training_->loader().samples(),
                            training_->loader().samples()));
  }
  if (data_.validation) {
    LoaderOptions evaluation = loading_;
    evaluation.batch_size = std::min<std::int64_t>(kEvaluationBatch, data_.validation->size());
    validation_ = std::make_unique<LoaderSource>(data_.validation, Pass::kEvaluation, evaluation);
  }
  check_batch();
  make_trainer();
  const std::vector<std::string_view> order = arguments.keys();
  std::ranges::sort(settings_, {}, [&order](const Setting& setting) {
    return std::ranges::find(order, setting.key) - order.begin();
  });
}

void Experiment::set(const std::string& key, std::vector<std::string> values) {
  const auto found = std::ranges::find(settings_, key, &Setting::key);
  if (found != settings_.end()) {
    found->values = std::move(values);
  } else {
    settings_.push_back({.key = key, .values = std::move(values)});
  }
}

void Experiment::build(const TrainArguments& arguments, DataCache& cache) {
  // A model that cannot be trained is found before much is read.
  static_cast<void>(image_of(arguments.model().build()));
  data_ = cache.open(options_.data,
                     {.validation_fraction = options_.validation, .seed = options_.seed});
  // So that the run can go on from another folder.
  if (std::filesystem::is_directory(options_.data)) {
    set("data", {std::filesystem::absolute(options_.data).lexically_normal().string()});
  }

  if (const auto file = arguments.model().file()) {
    begin_with(*file, arguments.model());
    return;
  }
  const auto classes = static_cast<std::int64_t>(class_names().size());
  DataShape shape{.classes = classes};
  if (const auto size = data_.training->image_size()) {
    shape.channels = size->channels;
    shape.size = ops::Pair{size->height, size->width};
  }
  network_ = arguments.model().build(shape);
  const TensorId logits = network_.tensor("logits");
  const std::int64_t outputs = network_.tensor(logits).type.shape.resolve(1)[1];
  if (outputs != classes) {
    throw Error(fmt::format("data set '{}' has {} classes, --classes {} does not fit",
                            options_.data, classes, outputs));
  }
}

void Experiment::begin_with(const Model& file, const ModelArguments& arguments) {
  begins_with_file_ = true;
  beginning_ = file.with_labels(class_names(), options_.seed);
  network_ = beginning_->graph();
  network_.set_frozen("*", false);
  arguments.freeze(network_);
  set("model", {std::filesystem::absolute(arguments.name()).lexically_normal().string()});

  const std::string layer =
      fmt::format("The last layer of '{}' ({})", arguments.name(), fmt::join(file.head(), ", "));
  notes_.push_back(class_names() == file.info().labels
                       ? layer + " is kept: its classes are those of the data set"
                       : fmt::format("{} is replaced by a new one: {} classes in place of {}",
                                     layer, class_names().size(), file.class_count()));
  if (!file.info().preprocessing && options_.mean.empty()) {
    notes_.emplace_back(
        "The file says nothing of mean and std: those of the training images are taken");
  }
}

void Experiment::prepare_images(DataCache& cache) {
  const ImageSize wanted = image_of(network_);
  const std::optional<ImageSize> given = data_.training->image_size();
  const int shorter = std::min(wanted.height, wanted.width);
  const Preprocessing* of_file = nullptr;
  if (beginning_ && beginning_->info().preprocessing) of_file = &*beginning_->info().preprocessing;
  int resize = options_.resize;
  if (resize == 0 && of_file != nullptr) resize = of_file->resize;
  if (resize == 0 && !given) resize = static_cast<int>(std::lround(shorter * 8.0 / 7));
  if (resize == 0 && (given->height != wanted.height || given->width != wanted.width)) {
    resize = shorter;
  }
  loading_ = {
      .preprocessing = {.channels = wanted.channels,
                        .resize = resize,
                        .interpolation = of_file != nullptr ? of_file->interpolation
                                                            : Preprocessing().interpolation,
                        .height = wanted.height,
                        .width = wanted.width,
                        .mean = options_.mean,
                        .std = options_.std},
      .augmentation = {.crop = options_.crop.value_or(given ? Crop::kCentre : Crop::kRandomResized),
                       .padding = options_.padding,
                       .flip = options_.flip.value_or(given ? 0 : 0.5)},
      .batch_size = options_.batch,
      .bad_image = options_.bad_image,
      .seed = options_.seed,
      .workers = options_.workers};
  Preprocessing& images = loading_.preprocessing;
  if (images.mean.empty() != images.std.empty()) {
    throw Error("--mean and --std are given together, or neither of them");
  }
  if (images.mean.empty() && of_file != nullptr) {
    images.mean = of_file->mean;
    images.std = of_file->std;
  } else if (images.mean.empty()) {
    const ChannelStatistics& statistics = cache.statistics(wanted.channels, options_.bad_image);
    images.mean = statistics.mean;
    images.std = statistics.std;
    // A run that goes on normalizes by the same numbers, without reading all images again.
    set("mean", texts(images.mean));
    set("std", texts(images.std));
  }
}

void Experiment::check_batch() const {
  for (const NormSummary& norm : summarize_norms(network_)) {
    const bool is_kept = options_.frozen_norms == FrozenNorms::kRunning && norm.frozen;
    if (norm.kind != NormKind::kBatch || norm.training_statistics == Statistics::kRunning ||
        is_kept || norm.over.resolve(options_.batch).element_count() > 1) {
      continue;
    }
    throw Error(fmt::format(
        "'{}' would normalize each channel by a single value, which has no variance: take "
        "a larger --batch{}",
        norm.name, norm.ghost_batch_size > 0 ? " and --ghost-batch" : ""));
  }
}

void Experiment::reject_unused(const TrainArguments& arguments) const {
  // By value, not by whether they were given: a config.toml that was written back has defaults too.
  const TrainSettings defaults;
  const TrainSettings& o = options_;
  struct Unused {
    bool is_set;
    bool is_used;
    const char* option;
    const char* why;
  };
  const bool is_step = o.decay == Decay::kStep;
  for (const auto& [is_set, is_used, option, why] : {
           Unused{!o.milestones.empty(), is_step, "--milestones", "is of --schedule step"},
           Unused{o.factor != defaults.factor, is_step, "--lr-factor", "is of --schedule step"},
           Unused{is_step, !o.milestones.empty(), "--schedule", "step takes --milestones"},
           Unused{o.final_rate != defaults.final_rate, o.decay == Decay::kCosine, "--final-lr",
                  "is of --schedule cosine"},
           Unused{true, o.warmup <= static_cast<double>(o.epochs), "--warmup",
                  "is longer than the training"},
           Unused{o.frozen_norms != defaults.frozen_norms, arguments.is_set("freeze"),
                  "--frozen-norms", "is of --freeze"},
           Unused{o.ema_recalibrate > 0, o.ema.has_value(), "--ema-recalibrate", "is of --ema"},
       }) {
    if (is_set && !is_used) throw CLI::ValidationError(option, why);
  }
}

void Experiment::choose_optimizer() {
  const bool is_sgd = options_.optimizer == OptimizerKind::kSgd;
  const auto reject = [](bool given, const char* option, const char* optimizer) {
    if (given) throw CLI::ValidationError(option, fmt::format("is of --optimizer {}", optimizer));
  };
  if (is_sgd) {
    reject(!options_.adamw_betas.empty(), "--adamw-betas", "adamw");
    reject(options_.adamw_epsilon.has_value(), "--adamw-epsilon", "adamw");
  } else {
    reject(options_.momentum.has_value(), "--sgd-momentum", "sgd");
    reject(options_.nesterov, "--nesterov", "sgd");
  }
  const auto complete = [this](const char* key, std::optional<double>& value, double by_default) {
    if (value) return;
    value = by_default;
    set(key, {fmt::format("{}", by_default)});
  };
  complete("lr", options_.rate, is_sgd ? 0.1 : 1e-3);
  complete("weight-decay", options_.weight_decay, is_sgd ? 5e-4 : 1e-2);
}

Optimizer Experiment::optimizer() const {
  if (options_.optimizer == OptimizerKind::kSgd) {
    constexpr double kMomentum = 0.9;
    return ops::SgdOptions{.momentum = options_.momentum.value_or(kMomentum),
                           .nesterov = options_.nesterov,
                           .weight_decay = *options_.weight_decay};
  }
  ops::AdamWOptions adamw{.weight_decay = *options_.weight_decay};
  if (!options_.adamw_betas.empty()) {
    adamw.beta1 = options_.adamw_betas[0];
    adamw.beta2 = options_.adamw_betas[1];
  }
  adamw.epsilon = options_.adamw_epsilon.value_or(adamw.epsilon);
  return adamw;
}

void Experiment::make_trainer() {
  const auto steps_of = [this](double epochs) {
    return std::llround(epochs * static_cast<double>(steps_of_epoch()));
  };
  // Member by member: at -O3, g++ 12 takes one of an initializer list for uninitialized.
  TrainerOptions training;
  training.epochs = options_.epochs;
  training.schedule.rate = *options_.rate;
  training.schedule.decay = options_.decay;
  training.schedule.warmup_steps = steps_of(options_.warmup);
  training.schedule.steps = steps();
  training.schedule.final_rate = options_.final_rate;
  training.schedule.factor = options_.factor;
  training.accumulate = options_.accumulate;
  training.clip_norm = options_.clip_norm;
  training.recalibration_samples = options_.ema_recalibrate;
  training.frozen_norms = options_.frozen_norms;
  training.most_refusals = options_.most_refusals;
  for (const double epoch : options_.milestones) {
    training.schedule.milestones.push_back(steps_of(epoch));
  }
  if (!options_.plan.empty()) {
    plan_.open(options_.plan);
    set("plan", {std::filesystem::absolute(options_.plan).lexically_normal().string()});
  }
  Graph graph = network_;
  add_classification_loss(graph, options_.label_smoothing);
  Session session(std::move(graph), {.layout = options_.layout,
                                     .memory = options_.memory,
                                     .timings = plan_.timings(),
                                     .optimizer = optimizer(),
                                     .decay_norms_and_biases = options_.decay_norms_and_biases,
                                     .ema_decay = options_.ema,
                                     .frozen_norms = options_.frozen_norms,
                                     .seed = options_.seed});
  // The first plan decides how parameters lie; it is this one also in a run that goes on with
  // another batch size or an evaluation.
  static_cast<void>(session.memory(Mode::kTraining, training_->loader().shape().samples()));
  plan_.keep();
  if (beginning_) session.state().load(std::as_const(*beginning_).state().entries());
  beginning_.reset();
  trainer_ = std::make_unique<Trainer>(std::move(session), std::move(training));
}

std::int64_t Experiment::steps_of_epoch() const {
  return equipoise::steps_of_epoch(*training_, options_.accumulate);
}

std::string Experiment::warning() const {
  const bool takes_batch_statistics =
      std::ranges::any_of(summarize_norms(network_), [](const NormSummary& norm) {
        return norm.kind == NormKind::kBatch && norm.training_statistics == Statistics::kBatch;
      });
  if (options_.accumulate == 1 || !takes_batch_statistics) return {};
  return fmt::format(
      "Batch normalization takes statistics of {} images, not of the {} of an update: --accumulate "
      "averages gradients alone. --norm group has no such statistics; or take as large a --batch "
      "as "
      "fits",
      options_.batch, options_.accumulate * options_.batch);
}

ModelInfo Experiment::model_info() const {
  Preprocessing images = preprocessing();
  // Where the data set's images need no resizing, those that the model will be shown may.
  if (images.resize == 0) images.resize = std::min(images.height, images.width);
  return {.preprocessing = images, .labels = class_names()};
}

std::string Experiment::describe() const {
  const ImageSize image = image_of(network_);
  return fmt::format("{} of ({}, {}, {}) images in {} classes, {} parameters", network_.name(),
                     image.channels, image.height, image.width, class_names().size(),
                     with_commas(parameter_count(network_)));
}

}  // namespace equipoise::program
