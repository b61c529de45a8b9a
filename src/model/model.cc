#include "equipoise/model.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "equipoise/run.h"
#include "formats/onnx.h"
#include "images/check.h"
#include "model/classifier.h"
#include "model/head.h"
#include "model/metadata.h"
#include "run/files.h"

namespace equipoise {
namespace {

namespace fs = std::filesystem;

/// Images that are run at once.
constexpr std::size_t kBatch = 32;

fs::path file_of(const fs::path& path) {
  std::error_code unknown;
  if (fs::status(path, unknown).type() == fs::file_type::not_found) {
    throw Error(fmt::format("'{}' is neither a file nor the folder of a run", path.string()));
  }
  if (!fs::is_directory(path)) return path;
  fs::path file = path / "model.onnx";
  if (fs::exists(file)) return file;
  fs::path run;
  for (fs::directory_iterator entry(path, unknown); entry != fs::directory_iterator();
       entry.increment(unknown)) {
    if (!fs::exists(entry->path() / "model.onnx", unknown)) continue;
    if (run.empty() || entry->path() < run) run = entry->path();
  }
  if (!run.empty()) {
    throw Error(fmt::format("'{}' has no model.onnx, but folders in it have: take '{}', or another",
                            path.string(), run.string()));
  }
  throw Error(fmt::format(
      "'{}' has no model.onnx; a run has one behind its first epoch or checkpoint", path.string()));
}

std::vector<ConstStateView> views_of(const std::vector<formats::KeptTensor>& tensors) {
  std::vector<ConstStateView> views;
  views.reserve(tensors.size());
  for (const formats::KeptTensor& tensor : tensors) views.push_back(tensor.view());
  return views;
}

/// softmax, with labels and in order.
Prediction prediction_of(std::span<const float> logits, const std::vector<std::string>& labels) {
  if (!std::ranges::all_of(logits, [](float logit) { return std::isfinite(logit); })) {
    throw Error("the logits of an image are not finite; the model's weights are not sound");
  }
  const double largest = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  Prediction prediction;
  prediction.reserve(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const double share = std::exp(static_cast<double>(logits[i]) - largest) / sum;
    prediction.push_back({.label = labels.empty() ? std::to_string(i) : labels[i],
                          .number = static_cast<std::int64_t>(i),
                          .probability = static_cast<float>(share)});
  }
  std::ranges::stable_sort(prediction, std::ranges::greater(), &ClassProbability::probability);
  return prediction;
}

}  // namespace

struct Model::Parts {
  Parts(Graph graph, std::optional<model::Classifier> found, ModelInfo made)
      : classifier(std::move(found)), info(std::move(made)), session(std::move(graph), options()) {}

  SessionOptions options() const {
    SessionOptions options;
    if (classifier) options.taps.push_back(classifier->logits);
    if (classifier && !classifier->features.empty()) options.taps.push_back(classifier->features);
    return options;
  }

  [[noreturn]] void fail(std::string_view why) const {
    throw Error(fmt::format("model '{}' {}", session.graph().name(), why));
  }

  const model::Classifier& require() const {
    if (!classifier) {
      fail(
          "is no classifier of images: it does not go from one input 'image' to one output of "
          "(N, classes)");
    }
    return *classifier;
  }

  void check() const {
    if (!classifier) return;
    if (!info.labels.empty() && std::ssize(info.labels) != classifier->classes) {
      fail(fmt::format("has {} labels for {} classes", info.labels.size(), classifier->classes));
    }
    if (!info.preprocessing) return;
    const Preprocessing& made = *info.preprocessing;
    const Preprocessing& taken = classifier->preprocessing;
    const auto per_channel = static_cast<std::size_t>(taken.channels);
    if (made.channels != taken.channels || made.height != taken.height ||
        made.width != taken.width) {
      fail(fmt::format("takes images of {} × {} × {}, its preprocessing makes them {} × {} × {}",
                       taken.height, taken.width, taken.channels, made.height, made.width,
                       made.channels));
    }
    for (const std::vector<float>* values : {&made.mean, &made.std}) {
      if (!values->empty() && values->size() != per_channel) {
        fail(fmt::format("normalizes {} channels of {}", values->size(), per_channel));
      }
    }
    images::check_normalization(made);
  }

  const Preprocessing& preprocessing() const {
    const model::Classifier& found = require();
    return info.preprocessing ? *info.preprocessing : found.preprocessing;
  }

  Results run(std::span<const Image> images) {
    const Preprocessing& settings = preprocessing();
    const Shape shape = {static_cast<std::int64_t>(images.size()), settings.channels,
                         settings.height, settings.width};
    std::vector<float> pixels(static_cast<std::size_t>(shape.element_count()));
    const std::size_t each = pixels.size() / images.size();
    for (std::size_t i = 0; i < images.size(); ++i) {
      preprocess(images[i], settings, std::span(pixels).subspan(i * each, each));
    }
    return session.run({{"image", {.data = pixels.data(), .shape = shape}}});
  }

  std::optional<model::Classifier> classifier;
  ModelInfo info;
  Session session;
};

Model::Model(Graph graph, std::span<const ConstStateView> state, ModelInfo info) {
  std::optional<model::Classifier> classifier = model::find_classifier(graph);
  parts_ = std::make_unique<Parts>(std::move(graph), std::move(classifier), std::move(info));
  parts_->check();
  parts_->session.state().load(state);
}

Model::~Model() = default;
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;

Model Model::load(const fs::path& path) {
  const fs::path file = file_of(path);
  formats::OnnxModel read = formats::decode_onnx(run::read_file(file), file.string());
  try {
    return {std::move(read.graph), views_of(read.state), model::info_of(read.metadata)};
  } catch (const Error& error) {
    throw Error(fmt::format("'{}': {}", file.string(), error.what()));
  }
}

const Graph& Model::graph() const { return parts_->session.graph(); }
const ModelInfo& Model::info() const { return parts_->info; }
Session& Model::session() { return parts_->session; }
const State& Model::state() const { return std::as_const(parts_->session).state(); }
const Preprocessing& Model::preprocessing() const { return parts_->preprocessing(); }
std::int64_t Model::class_count() const { return parts_->require().classes; }
const std::string& Model::logits() const { return parts_->require().logits; }

Prediction Model::predict(const Image& image) { return predict(std::span(&image, 1)).front(); }

std::vector<Prediction> Model::predict(std::span<const Image> images) {
  const auto classes = static_cast<std::size_t>(class_count());
  std::vector<Prediction> predictions;
  predictions.reserve(images.size());
  for (std::size_t first = 0; first < images.size(); first += kBatch) {
    const auto batch = images.subspan(first, std::min(kBatch, images.size() - first));
    const std::span<const float> logits = parts_->run(batch).values(this->logits());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      predictions.push_back(prediction_of(logits.subspan(i * classes, classes), info().labels));
    }
  }
  return predictions;
}

std::vector<float> Model::features(const Image& image) {
  const std::string& name = parts_->require().features;
  if (name.empty()) parts_->fail("does not end in a linear layer, in front of which features are");
  const std::span<const float> features = parts_->run(std::span(&image, 1)).values(name);
  return {features.begin(), features.end()};
}

const std::vector<std::string>& Model::head() const { return parts_->require().head; }

Model Model::with_labels(std::vector<std::string> labels, std::uint64_t seed) const {
  const model::Classifier& found = parts_->require();
  if (found.head.empty()) {
    parts_->fail("does not end in a linear layer, which one for other classes could replace");
  }
  if (labels.empty()) parts_->fail("is to tell no classes apart; give it labels");
  const bool is_kept = labels == info().labels;
  Graph graph = model::with_head(this->graph(), found, std::ssize(labels));
  const State fresh(graph, seed);
  std::vector<ConstStateView> views;
  for (const ConstStateView& entry : state().entries()) {
    const bool is_head = std::ranges::find(found.head, entry.name) != found.head.end();
    if (fresh.has(entry.name) && (is_kept || !is_head)) views.push_back(entry);
  }
  if (!is_kept) {
    for (const std::string& name : found.head) {
      views.push_back({.name = name, .values = fresh.values(name)});
    }
  }
  return {std::move(graph),
          views,
          {.preprocessing = info().preprocessing, .labels = std::move(labels)}};
}

void Model::save(const fs::path& path) const { save_model(path, graph(), state(), info()); }

void save_model(const fs::path& path, const Graph& graph, const State& state,
                const ModelInfo& info) {
  write_atomically(path, formats::encode_onnx(graph, state.entries(), model::to_metadata(info)));
}

}  // namespace equipoise
