#pragma once

#include <cstdint>
#include <vector>

#include "equipoise/loader.h"

namespace equipoise::testing {

/// A copy of a batch.
struct MadeBatch {
  std::int64_t number = 0;
  std::vector<float> images;
  std::vector<std::int32_t> labels;
  std::vector<std::int64_t> indices;

  bool operator==(const MadeBatch&) const = default;
};

inline MadeBatch copy(const Batch& batch) {
  const auto* images = static_cast<const float*>(batch.images.data);
  const auto* labels = static_cast<const std::int32_t*>(batch.labels.data);
  return {.number = batch.number,
          .images = {images, images + batch.images.shape.element_count()},
          .labels = {labels, labels + batch.labels.shape.element_count()},
          .indices = {batch.indices.begin(), batch.indices.end()}};
}

/// The rest of the epoch.
inline std::vector<MadeBatch> rest(Loader& loader) {
  std::vector<MadeBatch> batches;
  while (const auto batch = loader.next()) batches.push_back(copy(*batch));
  return batches;
}

inline std::vector<std::int64_t> indices(const std::vector<MadeBatch>& batches) {
  std::vector<std::int64_t> all;
  for (const MadeBatch& batch : batches) {
    all.insert(all.end(), batch.indices.begin(), batch.indices.end());
  }
  return all;
}

}  // namespace equipoise::testing
