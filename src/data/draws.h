#pragma once

#include <cstdint>

#include "base/random.h"
#include "data/permutation.h"

namespace equipoise::data {

/// The random numbers of one image in one epoch, one after the other. They depend on the epoch's
/// key and the image's index alone.
class Draws {
 public:
  Draws(std::uint64_t key, std::int64_t index)
      : key_(key),
        counter_{static_cast<std::uint32_t>(index),
                 static_cast<std::uint32_t>(static_cast<std::uint64_t>(index) >> 32U), 0, 0} {}

  /// Uniform in [least, greatest).
  double uniform(double least, double greatest) {
    const PhiloxWords words = next();
    const std::uint64_t bits = std::uint64_t{words[0]} << 32U | words[1];
    return least + static_cast<double>(bits >> 11U) * 0x1p-53 * (greatest - least);
  }

  /// Uniform in 0 … count − 1.
  int below(int count) {
    return static_cast<int>(data::below(static_cast<std::uint64_t>(count), next()));
  }

 private:
  PhiloxWords next() {
    const PhiloxWords words = philox(key_, counter_);
    ++counter_[2];
    return words;
  }

  std::uint64_t key_;
  PhiloxWords counter_;
};

}  // namespace equipoise::data
