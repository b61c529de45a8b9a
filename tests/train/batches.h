#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "base/random.h"
#include "equipoise/train.h"

namespace equipoise::testing {

/// Batches of points around (±1, ±1, 0, …), a corner for each of two classes; others in each epoch.
class Batches final : public BatchSource {
 public:
  static constexpr std::int64_t kFeatures = 4;

  explicit Batches(std::vector<std::int64_t> sizes) : sizes_(std::move(sizes)) {}

  /// From then on, batches of this epoch hold a NaN.
  void spoil(std::int64_t epoch) { spoilt_ = epoch; }

  void start(std::int64_t epoch, std::int64_t batch) override {
    epoch_ = epoch;
    batch_ = batch;
  }

  std::span<const Input> next() override {
    if (batch_ == batches()) return {};
    const std::int64_t count = sizes_[static_cast<std::size_t>(batch_)];
    points_.clear();
    labels_.clear();
    const auto seed = static_cast<std::uint64_t>(1000 * epoch_ + batch_);
    for (std::int64_t n = 0; n < count; ++n) {
      labels_.push_back(static_cast<std::int32_t>(n % 2));
      for (std::int64_t f = 0; f < kFeatures; ++f) {
        const float corner = f < 2 ? static_cast<float>(2 * (n % 2) - 1) : 0.0F;
        points_.push_back(corner + uniform(seed, static_cast<std::uint64_t>(n * kFeatures + f)));
      }
    }
    if (epoch_ >= spoilt_) points_[0] = std::numeric_limits<float>::quiet_NaN();
    ++batch_;
    inputs_ = {{"x", {.data = points_.data(), .shape = Shape{count, kFeatures}}},
               {"labels", {.data = labels_.data(), .shape = Shape{count}, .dtype = DType::kI32}}};
    return inputs_;
  }

  std::int64_t batches() const override { return static_cast<std::int64_t>(sizes_.size()); }

 private:
  std::vector<std::int64_t> sizes_;
  std::int64_t epoch_ = 0;
  std::int64_t batch_ = 0;
  std::int64_t spoilt_ = std::numeric_limits<std::int64_t>::max();
  std::vector<float> points_;
  std::vector<std::int32_t> labels_;
  std::vector<Input> inputs_;
};

}  // namespace equipoise::testing
