#include "experiment.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

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

Experiment::Experiment(const TrainArguments& arguments)
    : options_(arguments.settings()), settings_(arguments.all()) {
  arguments.require();
  if (options_.threads > 0) set_num_threads(options_.threads);
  set("threads", {std::to_string(num_threads())});
  build(arguments);
  prepare_images();
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

void Experiment::build(const TrainArguments& arguments) {
  // An unknown model is found before much is read.
  static_cast<void>(arguments.model().build());
  data_ = open_training_data(options_.data,
                             {.validation_fraction = options_.validation, .seed = options_.seed});
  // So that the run can go on from another folder.
  if (std::filesystem::is_directory(options_.data)) {
    set("data", {std::filesystem::absolute(options_.data).lexically_normal().string()});
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

void Experiment::prepare_images() {
  const ImageSize wanted = image_of(network_);
  const std::optional<ImageSize> given = data_.training->image_size();
  const int shorter = std::min(wanted.height, wanted.width);
  int resize = options_.resize;
  if (resize == 0 && !given) resize = static_cast<int>(std::lround(shorter * 8.0 / 7));
  if (resize == 0 && (given->height != wanted.height || given->width != wanted.width)) {
    resize = shorter;
  }
  loading_ = {
      .preprocessing = {.channels = wanted.channels,
                        .resize = resize,
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
  if (images.mean.empty()) {
    ChannelStatistics statistics =
        channel_statistics(*data_.training, wanted.channels, options_.bad_image);
    images.mean = std::move(statistics.mean);
    images.std = std::move(statistics.std);
    // A run that goes on normalizes by the same numbers, without reading all images again.
    set("mean", texts(images.mean));
    set("std", texts(images.std));
  }
}

void Experiment::make_trainer() {
  const auto steps_of = [this](double epochs) {
    return std::llround(epochs * static_cast<double>(training_->batches()));
  };
  TrainerOptions training{.epochs = options_.epochs,
                          .schedule = {.rate = options_.rate,
                                       .decay = options_.decay,
                                       .warmup_steps = steps_of(options_.warmup),
                                       .final_rate = options_.final_rate,
                                       .factor = options_.factor}};
  for (const double epoch : options_.milestones) {
    training.schedule.milestones.push_back(steps_of(epoch));
  }
  Graph graph = network_;
  add_classification_loss(graph, options_.label_smoothing);
  Session session(std::move(graph),
                  {.layout = options_.layout,
                   .optimizer = ops::SgdOptions{.momentum = options_.momentum,
                                                .nesterov = options_.nesterov,
                                                .weight_decay = options_.weight_decay},
                   .seed = options_.seed});
  // The first plan decides how parameters lie; it is this one also in a run that goes on with
  // another batch size or an evaluation.
  static_cast<void>(session.memory(Mode::kTraining, training_->loader().shape().samples()));
  trainer_ = std::make_unique<Trainer>(std::move(session), std::move(training));
}

std::string Experiment::describe() const {
  const ImageSize image = image_of(network_);
  return fmt::format("{} of ({}, {}, {}) images in {} classes, {} parameters", network_.name(),
                     image.channels, image.height, image.width, class_names().size(),
                     with_commas(parameter_count(network_)));
}

}  // namespace equipoise::program
