#include "model/metadata.h"

#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "equipoise/error.h"
#include "images/check.h"

namespace equipoise::model {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kPreprocessing = "equipoise.preprocessing";
constexpr const char* kLabels = "equipoise.labels";
constexpr std::array<std::pair<Interpolation, std::string_view>, 3> kInterpolations = {
    {{Interpolation::kBilinear, "bilinear"},
     {Interpolation::kBicubic, "bicubic"},
     {Interpolation::kBox, "box"}}};

[[noreturn]] void fail(std::string_view key, std::string_view what) {
  throw Error(fmt::format("its metadata '{}' {}", key, what));
}

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string_view name_of(Interpolation interpolation) {
  for (const auto& [kind, name] : kInterpolations) {
    if (kind == interpolation) return name;
  }
  return "";
}

const Json& entry_of(const Json& preprocessing, const char* key) {
  const auto found = preprocessing.find(key);
  if (found == preprocessing.end()) fail(kPreprocessing, fmt::format("has no '{}'", key));
  return *found;
}

Interpolation interpolation_of(const Json& preprocessing) {
  for (const auto& [kind, name] : kInterpolations) {
    if (entry_of(preprocessing, "interpolation") == name) return kind;
  }
  fail(kPreprocessing, "has an unknown interpolation");
}

int integer_of(const Json& preprocessing, const char* key) {
  constexpr std::int64_t kMost = 1 << 15;
  const Json& value = entry_of(preprocessing, key);
  if (!value.is_number_integer() || value < 0 || value > kMost) {
    fail(kPreprocessing, fmt::format("has a '{}' that is no number of pixels", key));
  }
  return value.get<int>();
}

std::vector<float> floats_of(const Json& preprocessing, const char* key) {
  const Json& list = entry_of(preprocessing, key);
  if (!list.is_array()) fail(kPreprocessing, fmt::format("has a '{}' that is no list", key));
  std::vector<float> values;
  for (const Json& value : list) {
    if (!value.is_number()) fail(kPreprocessing, fmt::format("has no numbers in '{}'", key));
    values.push_back(value.get<float>());
  }
  return values;
}

Preprocessing preprocessing_of(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) fail(kPreprocessing, "is no JSON object");
  return {.channels = integer_of(json, "channels"),
          .resize = integer_of(json, "resize"),
          .interpolation = interpolation_of(json),
          .height = integer_of(json, "height"),
          .width = integer_of(json, "width"),
          .mean = floats_of(json, "mean"),
          .std = floats_of(json, "std")};
}

std::vector<std::string> labels_of(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  std::vector<std::string> labels;
  if (!json.is_array()) fail(kLabels, "is no JSON list");
  for (const Json& label : json) {
    if (!label.is_string()) fail(kLabels, "has something else than texts");
    labels.push_back(label.get<std::string>());
  }
  return labels;
}

}  // namespace

formats::Metadata to_metadata(const ModelInfo& info) {
  formats::Metadata metadata;
  if (const auto& made = info.preprocessing) {
    // JSON has no number for what is not finite, and the file could not be read.
    images::check_normalization(*made);
    metadata[kPreprocessing] = text_of({{"channels", made->channels},
                                        {"resize", made->resize},
                                        {"interpolation", name_of(made->interpolation)},
                                        {"height", made->height},
                                        {"width", made->width},
                                        {"mean", made->mean},
                                        {"std", made->std}});
  }
  if (!info.labels.empty()) metadata[kLabels] = text_of(info.labels);
  return metadata;
}

ModelInfo info_of(const formats::Metadata& metadata) {
  ModelInfo info;
  const auto preprocessing = metadata.find(kPreprocessing);
  if (preprocessing != metadata.end()) {
    info.preprocessing = preprocessing_of(preprocessing->second);
  }
  const auto labels = metadata.find(kLabels);
  if (labels != metadata.end()) info.labels = labels_of(labels->second);
  return info;
}

}  // namespace equipoise::model
