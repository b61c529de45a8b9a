#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "equipoise/tensor.h"
#include "norm/array.h"

namespace equipoise::testing {

using reference::Array;

/// The values that storage of that type can hold: rounded to f32, and to bf16 from there.
Array rounded(Array array, DType dtype);
double rounded(double value, DType dtype);

/// A logical array in a layout and a storage, `misalignment` elements behind a cache line, between
/// two guard zones. Everything that no kernel may look at is poisoned with NaN: the padding of
/// blocked layouts and, as long as nobody wrote it, all of an output.
class TensorBuffer {
 public:
  TensorBuffer() = default;
  /// An output.
  TensorBuffer(const Shape& shape, Layout layout, DType dtype, std::int64_t misalignment = 0);
  /// An input.
  TensorBuffer(const Array& values, const Shape& shape, Layout layout, DType dtype,
               std::int64_t misalignment = 0);

  TensorView view();
  ConstTensorView view() const;

  Array unpack() const;
  /// No byte outside the tensor was written.
  bool guards_intact() const;
  /// The padding lanes of a blocked layout are +0 or -0.
  bool padding_is_zero() const;
  /// Stored bytes of the tensor, for comparisons of bits.
  std::vector<std::byte> bytes() const;

 private:
  double load(std::int64_t offset) const;
  void store(std::int64_t offset, double value);
  std::int64_t offset_of(std::int64_t n, std::int64_t c, std::int64_t s) const;
  std::size_t size_in_bytes() const;

  Shape shape_;
  Layout layout_ = Layout::kChannelsFirst;
  DType dtype_ = DType::kF32;
  std::size_t begin_ = 0;  ///< of the tensor in memory_
  std::vector<std::byte> memory_;
};

}  // namespace equipoise::testing
