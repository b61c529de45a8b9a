#include "experiment.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "choice.h"
#include "equipoise/error.h"
#include "equipoise/models.h"
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

/// How many values share a variance in the smallest group of samples of a batch.
std::int64_t values_per_channel(const NormSummary& norm, std::int64_t batch) {
  const std::int64_t ghost = norm.ghost_batch_size;
  if (ghost == 0) return norm.over.resolve(batch).element_count();
  const std::int64_t left_over = batch % ghost;
  return norm.over.resolve(batch).element_count() / ghost * (left_over > 0 ? left_over : ghost);
}

bool normalizes_by_batch(const NormSummary& norm) {
  return norm.training_statistics != Statistics::kRunning;
}

/// The first that would take the variance of a single value.
const NormSummary* find_single_value(const std::vector<NormSummary>& norms, std::int64_t batch) {
  const auto found = std::ranges::find_if(norms, [batch](const NormSummary& norm) {
    const bool averages_variances =
        norm.update_running && norm.rule.variance == VarianceEstimate::kUnbiased;
    return (normalizes_by_batch(norm) || averages_variances) &&
           values_per_channel(norm, batch) <= 1;
  });
  return found == norms.end() ? nullptr : &*found;
}

template <class Number>
std::vector<std::string> texts(const std::vector<Number>& numbers) {
  std::vector<std::string> texts;
  texts.reserve(numbers.size());
  for (const Number number : numbers) texts.push_back(fmt::format("{}", number));
  return texts;
}

}  // namespace

Experiment::Experiment(const TrainArguments& arguments, DataCache& cache, TrainProgress& progress)
    : options_(arguments.settings()), settings_(arguments.all()) {
  arguments.require();
  reject_unused(arguments);
  complete_optimizer();
  if (options_.threads > 0) set_num_threads(options_.threads);
  set("threads", {std::to_string(num_threads())});
  build(arguments, cache);
  prepare_images(cache, progress);
  training_ = std::make_unique<LoaderSource>(data_.training, Pass::kTraining, loading_);
  if (options_.batch > training_->loader().samples()) {
    throw Error(fmt::format("a batch of {} is more than the {} training images; take --batch {}",
                            options_.batch, training_->loader().samples(),
                            training_->loader().samples()));
  }
  if (data_.validation) {
    LoaderOptions evaluation = loading_;
    evaluation.batch_size = std::min<std::int64_t>(kEvaluationBatch, data_.validation->size());
    evaluation.last_batch = LastBatch::kKeep;
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

void Experiment::set_path(const std::string& key, const std::string& path) {
  set(key, {std::filesystem::absolute(path).lexically_normal().string()});
}

void Experiment::unset(std::string_view key) {
  std::erase_if(settings_, [key](const Setting& setting) { return setting.key == key; });
}

void Experiment::build(const TrainArguments& arguments, DataCache& cache) {
  // A model that cannot be trained is found before much is read.
  static_cast<void>(image_of(arguments.model().build()));
  data_ = cache.open(options_.data, {.validation_fraction = options_.validation_fraction,
                                     .seed = options_.seed,
                                     .validation_data = options_.validation_data});
  if (options_.validation_data.empty() && data_.validation && !data_.is_held_out) {
    reject(arguments, "validation-fraction",
           fmt::format("'{}' has validation images of its own", options_.data));
  }
  for (const auto& [key, data] :
       {std::pair("data", options_.data), std::pair("validation-data", options_.validation_data)}) {
    if (std::filesystem::is_directory(data)) set_path(key, data);
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
  const ImageSize image = image_of(network_);
  set("input-channels", {std::to_string(image.channels)});
  set("size", {fmt::format("{}x{}", image.height, image.width)});
  for (Setting& setting : arguments.model().defaults(network_)) {
    set(setting.key, std::move(setting.values));
  }
}

void Experiment::begin_with(const Model& file, const ModelArguments& arguments) {
  begins_with_file_ = true;
  beginning_ = file.with_labels(class_names(), options_.seed);
  network_ = beginning_->graph();
  network_.set_frozen("*", false);
  arguments.freeze(network_);
  set_path("model", arguments.name());

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

void Experiment::prepare_images(DataCache& cache, TrainProgress& progress) {
  const ImageSize wanted = image_of(network_);
  const std::optional<ImageSize> given = data_.training->image_size();
  const int shorter = std::min(wanted.height, wanted.width);
  Preprocessing& images = loading_.preprocessing;
  if (beginning_ && beginning_->info().preprocessing) {
    images = *beginning_->info().preprocessing;
  }
  images.channels = wanted.channels;
  images.height = wanted.height;
  images.width = wanted.width;
  if (options_.resize > 0) {
    images.resize = options_.resize;
  } else if (images.resize == 0) {
    images.resize = given ? shorter : static_cast<int>(std::lround(shorter * 8.0 / 7));
  }
  images.interpolation = options_.interpolation.value_or(images.interpolation);
  const Crop crop = options_.crop.value_or(given ? Crop::kCentre : Crop::kRandomResized);
  if (options_.padding > 0 && crop != Crop::kRandom) {
    throw CLI::ValidationError("--padding", "goes with --crop random");
  }
  const double flip = options_.flip.value_or(given ? 0 : 0.5);
  loading_.augmentation = {.crop = crop, .padding = options_.padding, .flip = flip};
  loading_.batch_size = options_.batch;
  const bool one_is_too_few = find_single_value(trained_batch_norms(), 1) != nullptr;
  loading_.last_batch = one_is_too_few ? LastBatch::kDropSingle : LastBatch::kKeep;
  loading_.bad_image = options_.bad_image;
  loading_.seed = options_.seed;
  loading_.workers = options_.workers;
  take_statistics(cache, progress);

  set("resize", {std::to_string(images.resize)});
  set("interpolation", {word_of(interpolation_choices(), images.interpolation)});
  set("crop", {word_of(crop_choices(), crop)});
  set("flip", {fmt::format("{}", flip)});
  // A run that goes on normalizes by the same numbers, without reading all images again.
  if (!images.mean.empty()) {
    set("mean", texts(images.mean));
    set("std", texts(images.std));
  }
}

void Experiment::take_statistics(DataCache& cache, TrainProgress& progress) {
  Preprocessing& images = loading_.preprocessing;
  if (options_.mean.empty() != options_.std.empty()) {
    const bool is_mean = !options_.mean.empty();
    throw CLI::ValidationError(is_mean ? "--mean" : "--std",
                               is_mean ? "goes with --std" : "goes with --mean");
  }
  if (!options_.mean.empty()) {
    images.mean = options_.mean;
    images.std = options_.std;
  } else if (!beginning_ || !beginning_->info().preprocessing) {
    progress.begin_reading(data_.training->size());
    const ChannelStatistics& statistics = cache.statistics(
        images.channels, {.bad_image = options_.bad_image,
                          .workers = options_.workers,
                          .progress = [&progress](std::int64_t read) { progress.read(read); }});
    images.mean = statistics.mean;
    images.std = statistics.std;
  }
}

std::vector<NormSummary> Experiment::trained_batch_norms() const {
  std::vector<NormSummary> norms = summarize_norms(network_);
  std::erase_if(norms, [this](const NormSummary& norm) {
    const bool is_kept = options_.frozen_norms == FrozenNorms::kRunning && norm.frozen;
    return norm.kind != NormKind::kBatch || is_kept;
  });
  return norms;
}

void Experiment::check_batch() const {
  const std::vector<NormSummary> norms = trained_batch_norms();
  const std::int64_t last = training_->loader().samples() % options_.batch;
  for (const std::int64_t size : {options_.batch, last}) {
    const NormSummary* norm = size == 0 ? nullptr : find_single_value(norms, size);
    if (norm == nullptr) continue;
    throw Error(fmt::format(
        "'{}' would have a single value of each channel, which has no variance, in {} batch of {}: "
        "take a{} --batch{}",
        norm->name, size == last ? "the last" : "a", size, size == last ? "nother" : " larger",
        norm->ghost_batch_size > 0 ? " and a --ghost-batch that leaves no group of one image"
                                   : ""));
  }
}

void Experiment::reject_unused(const TrainArguments& arguments) {
  const TrainSettings& o = options_;
  struct Use {
    const char* key;
    bool is_used;
    const char* why;
  };
  const bool is_step = o.decay == Decay::kStep;
  const bool is_sgd = o.optimizer == OptimizerKind::kSgd;
  for (const auto& [key, is_used, why] : {
           Use{"milestones", is_step, "is of --schedule step"},
           Use{"lr-factor", is_step, "is of --schedule step"},
           Use{"schedule", !is_step || !o.milestones.empty(), "step takes --milestones"},
           Use{"final-lr", o.decay == Decay::kCosine, "is of --schedule cosine"},
           Use{"warmup", o.warmup <= static_cast<double>(o.epochs), "is longer than the training"},
           Use{"sgd-momentum", is_sgd, "is of --optimizer sgd"},
           Use{"nesterov", is_sgd, "is of --optimizer sgd"},
           Use{"adamw-betas", !is_sgd, "is of --optimizer adamw"},
           Use{"adamw-epsilon", !is_sgd, "is of --optimizer adamw"},
           Use{"frozen-norms", arguments.is_set("freeze"), "is of --freeze"},
           Use{"ema-recalibrate", o.ema.has_value(), "is of --ema"},
           Use{"validation-fraction", o.validation_data.empty(), "is not of --validation-data"},
       }) {
    if (!is_used) reject(arguments, key, why);
  }
}

void Experiment::reject(const TrainArguments& arguments, const char* key, const std::string& why) {
  if (arguments.is_set(key)) throw CLI::ValidationError(fmt::format("--{}", key), why);
  unset(key);
}

void Experiment::complete_optimizer() {
  const bool is_sgd = options_.optimizer == OptimizerKind::kSgd;
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
    return ops::SgdOptions{.momentum = options_.momentum,
                           .nesterov = options_.nesterov,
                           .weight_decay = *options_.weight_decay};
  }
  return ops::AdamWOptions{.beta1 = options_.adamw_betas[0],
                           .beta2 = options_.adamw_betas[1],
                           .epsilon = options_.adamw_epsilon,
                           .weight_decay = *options_.weight_decay};
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
    set_path("plan", options_.plan);
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
  static_cast<void>(plan_.keep());
  if (beginning_) session.state().load(std::as_const(*beginning_).state().entries());
  beginning_.reset();
  trainer_ = std::make_unique<Trainer>(std::move(session), std::move(training));
}

std::int64_t Experiment::steps_of_epoch() const {
  return equipoise::steps_of_epoch(*training_, options_.accumulate);
}

std::string Experiment::warning() const {
  const bool any = std::ranges::any_of(trained_batch_norms(), normalizes_by_batch);
  if (options_.accumulate == 1 || !any) return {};
  return fmt::format(
      "Batch normalization takes statistics of {} images, not of the {} of an update: --accumulate "
      "averages gradients alone. --norm group has no such statistics; or take as large a --batch "
      "as "
      "fits",
      options_.batch, options_.accumulate * options_.batch);
}

ModelInfo Experiment::model_info() const {
  return {.preprocessing = preprocessing(), .labels = class_names()};
}

std::string Experiment::describe() const {
  const ImageSize image = image_of(network_);
  return fmt::format("{} of ({}, {}, {}) images in {} classes, {} parameters", network_.name(),
                     image.channels, image.height, image.width, class_names().size(),
                     with_commas(parameter_count(network_)));
}

}  // namespace equipoise::program
