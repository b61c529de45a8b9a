#pragma once

#include <cstdint>
#include <vector>

#include "base/random.h"
#include "equipoise/models.h"
#include "equipoise/session.h"

namespace equipoise::testing {

/// A batch of made-up images with labels, which inputs view.
class Images {
 public:
  /// Sample i depends on i and the seed alone, so batches of the same seed begin alike.
  Images(std::int64_t count, const ops::Pair& size, std::int64_t channels = 3,
         std::uint64_t seed = 1)
      : shape_{count, channels, size[0], size[1]},
        pixels_(static_cast<std::size_t>(shape_.element_count())) {
    for (std::size_t i = 0; i < pixels_.size(); ++i) pixels_[i] = 2 * uniform(seed, i) - 1;
    for (std::int64_t n = 0; n < count; ++n) labels_.push_back(static_cast<std::int32_t>(n % 10));
  }

  std::vector<float>& pixels() { return pixels_; }
  Input image() const { return {"image", {.data = pixels_.data(), .shape = shape_}}; }
  Input labels() const {
    return {"labels", {.data = labels_.data(), .shape = Shape{shape_[0]}, .dtype = DType::kI32}};
  }

 private:
  Shape shape_;
  std::vector<float> pixels_;
  std::vector<std::int32_t> labels_;
};

/// A small classifier of images with a loss.
inline Graph classifier(const char* model = "resnet8", ModelOptions options = {}) {
  options.classes = 10;
  if (!options.input_size) options.input_size = {{16, 16}};
  Graph graph = build_model(model, options);
  add_classification_loss(graph);
  return graph;
}

/// All of a state, bit for bit.
inline std::vector<float> all_values(const Session& session) {
  std::vector<float> all;
  for (const ConstStateView& entry : session.state().entries()) {
    if (const auto* values = std::get_if<std::span<const float>>(&entry.values)) {
      all.insert(all.end(), values->begin(), values->end());
    } else {
      all.push_back(static_cast<float>(std::get<1>(entry.values)[0]));
    }
  }
  return all;
}

}  // namespace equipoise::testing
