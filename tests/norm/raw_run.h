#pragma once

#include <cstddef>
#include <vector>

#include "norm/norm_case.h"

namespace equipoise::testing {

/// Everything that a forward and a backward wrote, bit for bit.
struct Bits {
  std::vector<std::byte> y;
  std::vector<std::byte> repeated_y;
  std::vector<std::byte> dx;
  std::vector<std::byte> dresidual;
  std::vector<std::byte> dweight;
  std::vector<std::byte> dbias;
  std::vector<std::byte> statistics;
  std::vector<std::byte> moments;
  std::vector<std::byte> sample_moments;
};

/// Buffers of random bytes without any reference: for tensors larger than a cache.
class RawRun {
 public:
  explicit RawRun(const Case& test);

  /// Forward and backward on so many threads, into the memory of `bits`, which is zeroed first:
  /// fresh memory costs as much as a pass over it.
  Bits run(int threads, bool sample_moments, Bits bits = {});

 private:
  using Bytes = std::vector<std::byte>;
  TensorView view(Bytes& bytes, DType dtype) const;

  Case test_;
  Problem problem_;  ///< its parameters; not its arrays
  Bytes x_;
  Bytes residual_;
  Bytes dy_;
};

/// Fewest samples for which a tensor is larger than the last-level cache by a quarter (but not than
/// 96 MB).
std::int64_t samples_beyond_cache(std::int64_t elements_per_sample, DType dtype);

void expect_same_bits(const Bits& actual, const Bits& expected);

}  // namespace equipoise::testing
