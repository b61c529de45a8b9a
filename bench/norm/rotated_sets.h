#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "norm/norm_case.h"

namespace equipoise::bench {

/// Several sets of the tensors of one case, used in turn by all contenders, so that what a call
/// reads and writes has left the cache since it was last touched: one pass over x and y of all sets
/// moves at least four times the last-level cache. Everybody works on the same memory: 64-byte
/// aligned within one block that is asked to be huge pages, touched before anything is timed.
/// Tensors start at different offsets within a page, as in an arena.
///
/// The block is kept for the next case; one object at a time.
class RotatedSets {
 public:
  struct Tensors {
    void* x;
    void* dy;
    void* y;
    void* dx;
  };

  /// Inputs are normal with mean 0.5 and standard deviation 1, the padding of a last block zero.
  /// Throws Error if variants disagree about where that padding is.
  RotatedSets(const Shape& shape, std::span<const Variant> variants);

  std::size_t size() const { return f32_.size(); }
  const Tensors& tensors(std::size_t set, DType dtype) const {
    return dtype == DType::kF32 ? f32_[set] : bf16_[set];
  }
  /// Bytes of one tensor.
  std::size_t tensor_bytes(DType dtype) const { return elements_ * size_of(dtype); }
  /// Sets that one measurement goes through: one for a large tensor, several for a small one.
  std::size_t sets_per_measurement(DType dtype) const;

 private:
  std::size_t elements_ = 0;
  std::vector<Tensors> f32_;
  std::vector<Tensors> bf16_;
};

}  // namespace equipoise::bench
