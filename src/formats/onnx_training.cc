#include "formats/onnx_training.h"

#include <array>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "equipoise/error.h"
#include "formats/onnx_names.h"

namespace equipoise::formats {

using Json = nlohmann::json;

struct TrainingNotes::Document {
  Json json = {{"version", 1}};

  [[nodiscard]] const Json* find(std::initializer_list<std::string_view> path) const {
    const Json* at = &json;
    for (const std::string_view key : path) {
      const auto found = at->is_object() ? at->find(key) : at->end();
      if (found == at->end()) return nullptr;
      at = &*found;
    }
    return at;
  }

  /// A list of names, which are kept as the keys of a table: there may be thousands.
  void add(const char* list, std::string_view name) { json[list][std::string(name)] = true; }
  [[nodiscard]] bool lists(std::string_view list, std::string_view name) const {
    return find({list, name}) != nullptr;
  }
};

namespace {

[[noreturn]] void fail(std::string_view what) {
  throw Error(fmt::format("its metadata '{}' {}", kTrainingKey, what));
}

[[noreturn]] void fail_at(std::string_view node, std::string_view key) {
  fail(fmt::format("says of node '{}' a '{}' that there is not", node, key));
}

double number_of(const Json& value, std::string_view node, std::string_view key) {
  if (!value.is_number()) fail_at(node, key);
  return value.get<double>();
}

std::int64_t integer_of(const Json& value, std::string_view node, std::string_view key) {
  if (!value.is_number_integer()) fail_at(node, key);
  return value.get<std::int64_t>();
}

bool truth_of(const Json& value, std::string_view node, std::string_view key) {
  if (!value.is_boolean()) fail_at(node, key);
  return value.get<bool>();
}

/// The enumerator of which to_string is this word.
template <typename Enum>
Enum word_of(const Json& value, std::span<const Enum> all, std::string_view node,
             std::string_view key) {
  for (const Enum candidate : all) {
    if (value == to_string(candidate)) return candidate;
  }
  fail_at(node, key);
}

constexpr std::array kStatistics = {Statistics::kBatch, Statistics::kRunning, Statistics::kBlend};
constexpr std::array kAveraging = {Averaging::kMomentum, Averaging::kCumulative,
                                   Averaging::kWindowed};
constexpr std::array kVariance = {VarianceEstimate::kUnbiased, VarianceEstimate::kBiased};

}  // namespace

TrainingNotes::TrainingNotes() : document_(std::make_unique<Document>()) {}
TrainingNotes::~TrainingNotes() = default;

std::unique_ptr<TrainingNotes> TrainingNotes::parse(const std::string& text) {
  auto notes = std::make_unique<TrainingNotes>();
  notes->document_->json = Json::parse(text, nullptr, false);
  const Json* version = notes->document_->find({"version"});
  if (version == nullptr) fail("is no JSON document with a version");
  if (*version != 1) fail("has a version other than 1; read it with a newer equipoise");
  return notes;
}

std::string TrainingNotes::text() const {
  return document_->json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void TrainingNotes::freeze(std::string_view parameter) { document_->add("frozen", parameter); }

bool TrainingNotes::is_frozen(std::string_view parameter) const {
  return document_->lists("frozen", parameter);
}

void TrainingNotes::note_buffer(std::string_view name) { document_->add("buffers", name); }

bool TrainingNotes::is_buffer(std::string_view name) const {
  return document_->lists("buffers", name);
}

void TrainingNotes::note_epsilon(std::string_view node, double epsilon) {
  if (static_cast<double>(static_cast<float>(epsilon)) == epsilon) return;
  document_->json["nodes"][std::string(node)]["epsilon"] = epsilon;
}

double TrainingNotes::epsilon(std::string_view node, float in_file) const {
  const Json* noted = document_->find({"nodes", node, "epsilon"});
  if (noted == nullptr) return in_file;
  const double exact = number_of(*noted, node, "epsilon");
  return static_cast<float>(exact) == in_file ? exact : in_file;
}

void TrainingNotes::note_batch_norm(std::string_view node, const NormAttributes& norm) {
  Json& notes = document_->json["nodes"][std::string(node)];
  notes["statistics"] = to_string(norm.statistics);
  notes["update_running"] = norm.update_running;
  notes["averaging"] = to_string(norm.rule.averaging);
  notes["momentum"] = norm.rule.momentum;
  notes["window"] = norm.rule.window;
  notes["variance"] = to_string(norm.rule.variance);
  notes["pseudo_count"] = norm.pseudo_count;
  notes["ghost_batch_size"] = norm.ghost_batch_size;
  if (norm.renorm) notes["renorm"] = {norm.renorm->r_max, norm.renorm->d_max};
  notes["synchronized"] = norm.synchronized;
}

std::optional<ops::BatchNormNode> TrainingNotes::batch_norm(std::string_view node) const {
  const Json* notes = document_->find({"nodes", node});
  if (notes == nullptr || !notes->contains("statistics")) return std::nullopt;
  ops::BatchNormNode options;
  for (const auto& [key, value] : notes->items()) {
    if (key == "statistics") {
      options.statistics = word_of<Statistics>(value, kStatistics, node, key);
    } else if (key == "update_running") {
      options.update_running = truth_of(value, node, key);
    } else if (key == "averaging") {
      options.rule.averaging = word_of<Averaging>(value, kAveraging, node, key);
    } else if (key == "momentum") {
      options.rule.momentum = number_of(value, node, key);
    } else if (key == "window") {
      options.rule.window = integer_of(value, node, key);
    } else if (key == "variance") {
      options.rule.variance = word_of<VarianceEstimate>(value, kVariance, node, key);
    } else if (key == "pseudo_count") {
      options.pseudo_count = number_of(value, node, key);
    } else if (key == "ghost_batch_size") {
      options.ghost_batch_size = integer_of(value, node, key);
    } else if (key == "renorm") {
      if (!value.is_array() || value.size() != 2) fail_at(node, key);
      options.renorm =
          Renorm{.r_max = number_of(value[0], node, key), .d_max = number_of(value[1], node, key)};
    } else if (key == "synchronized") {
      options.synchronized = truth_of(value, node, key);
    }
  }
  return options;
}

void TrainingNotes::note_position_weights(std::string_view node, std::string_view tensor) {
  document_->json["nodes"][std::string(node)]["position_weights"] = std::string(tensor);
}

std::string TrainingNotes::position_weights(std::string_view node) const {
  const Json* tensor = document_->find({"nodes", node, "position_weights"});
  if (tensor == nullptr) return "";
  if (!tensor->is_string()) fail_at(node, "position_weights");
  return tensor->get<std::string>();
}

void TrainingNotes::note_dropout(std::string_view node, std::string_view kind, double probability) {
  document_->json["nodes"][std::string(node)][std::string(kind)] = probability;
}

std::optional<double> TrainingNotes::dropout(std::string_view node, std::string_view kind) const {
  const Json* probability = document_->find({"nodes", node, kind});
  if (probability == nullptr) return std::nullopt;
  return number_of(*probability, node, kind);
}

void TrainingNotes::note_count(std::string_view name, std::int64_t batches) {
  document_->json["num_batches_tracked"][std::string(name)] = batches;
}

std::map<std::string, std::int64_t> TrainingNotes::counts() const {
  std::map<std::string, std::int64_t> counts;
  const Json* all = document_->find({"num_batches_tracked"});
  if (all == nullptr) return counts;
  if (!all->is_object()) fail("has no table num_batches_tracked");
  for (const auto& [name, batches] : all->items()) {
    if (!batches.is_number_integer() || batches.get<std::int64_t>() < 0) {
      fail(fmt::format("has no count of batches for '{}'", name));
    }
    counts[name] = batches.get<std::int64_t>();
  }
  return counts;
}

}  // namespace equipoise::formats
