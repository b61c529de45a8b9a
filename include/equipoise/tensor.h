#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <ranges>
#include <span>
#include <string>
#include <type_traits>

#include "equipoise/export.h"

namespace equipoise {

/// How an element is stored. Arithmetic is in f32 whatever the storage; kI32 is for indices (class
/// labels, tokens), of which nothing is computed.
enum class DType : std::uint8_t { kF32, kBF16, kI32 };

/// Where element (n, c, s) of an activation lives; s is the position, all dimensions behind the
/// channel flattened (the last one fastest), S their product. Every layout is dense.
enum class Layout : std::uint8_t {
  kChannelsFirst,  ///< [N][C][S]: NCHW, PyTorch's default. The offset is (n·C + c)·S + s.
  kChannelsLast,   ///< [N][S][C]: NHWC. The offset is (n·S + s)·C + c.
  kBlocked8,       ///< [N][⌈C/8⌉][S][8]: oneDNN's nChw8c. Lanes that pad the last block are not
                   ///< looked at in what is read, and are 0 in what is written.
  kBlocked16,      ///< [N][⌈C/16⌉][S][16]: oneDNN's nChw16c.
};

[[nodiscard]] EQUIPOISE_API std::size_t size_of(DType dtype);
[[nodiscard]] EQUIPOISE_API const char* to_string(DType dtype);
[[nodiscard]] EQUIPOISE_API const char* to_string(Layout layout);

/// The upper half of an f32. Conversion from f32 rounds to nearest even; a NaN stays a (quiet) NaN.
struct BFloat16 {
  std::uint16_t bits = 0;

  BFloat16() = default;
  explicit constexpr BFloat16(float value) {
    const auto u = std::bit_cast<std::uint32_t>(value);
    const bool is_nan = (u & 0x7FFFFFFFU) > 0x7F800000U;
    bits = static_cast<std::uint16_t>(is_nan ? (u >> 16U) | 0x40U
                                             : (u + 0x7FFFU + ((u >> 16U) & 1U)) >> 16U);
  }
  explicit constexpr operator float() const {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
  }
};

/// The logical dimensions of a tensor: (N, C, …), samples and channels first whatever the layout.
/// At most `kMaxRank` dimensions, each ≥ 0. Throws Error beyond that.
class EQUIPOISE_API Shape {
 public:
  static constexpr int kMaxRank = 8;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dimensions);
  explicit Shape(std::span<const std::int64_t> dimensions);

  int rank() const { return rank_; }
  std::int64_t operator[](int i) const { return dimensions_[static_cast<std::size_t>(i)]; }
  std::span<const std::int64_t> dimensions() const {
    return {dimensions_.data(), static_cast<std::size_t>(rank_)};
  }

  std::int64_t samples() const { return rank_ > 0 ? (*this)[0] : 1; }
  std::int64_t channels() const { return rank_ > 1 ? (*this)[1] : 1; }
  /// S, the product of the dimensions behind the channel; 1 for (N, C).
  [[nodiscard]] std::int64_t positions() const;
  [[nodiscard]] std::int64_t element_count() const;

  bool operator==(const Shape&) const = default;

 private:
  std::array<std::int64_t, kMaxRank> dimensions_{};
  int rank_ = 0;
};

/// "(16, 64, 56, 56)"
[[nodiscard]] EQUIPOISE_API std::string to_string(const Shape& shape);

/// Elements in memory of a tensor: those of the shape, and the padding of the last block of a
/// blocked layout.
[[nodiscard]] EQUIPOISE_API std::int64_t storage_elements(const Shape& shape, Layout layout);

/// Somebody's buffer, read only. It needs the alignment of its element type and no more. A default
/// one is "none".
struct ConstTensorView {
  const void* data = nullptr;
  Shape shape = {};
  Layout layout = Layout::kChannelsFirst;
  DType dtype = DType::kF32;

  explicit operator bool() const { return data != nullptr; }
};

/// Somebody's buffer.
struct TensorView {
  void* data = nullptr;
  Shape shape = {};
  Layout layout = Layout::kChannelsFirst;
  DType dtype = DType::kF32;

  explicit operator bool() const { return data != nullptr; }
  // A view that may be written can be read.
  // NOLINTNEXTLINE(google-explicit-constructor)
  operator ConstTensorView() const { return {data, shape, layout, dtype}; }
};

/// Throws Error unless `elements` is storage_elements(shape, layout).
EQUIPOISE_API void require_storage(std::size_t elements, const Shape& shape, Layout layout);

/// A vector, array or span of float, BFloat16 or int32_t as a tensor, with its dtype:
///
///     std::vector<BFloat16> x(…);
///     batch_norm({.x = view_of(x, {8, 24, 14, 14}, Layout::kChannelsLast), …
///
/// Throws Error unless it has exactly as many elements as shape and layout need.
template <std::ranges::contiguous_range Buffer>
requires std::ranges::borrowed_range<Buffer>
[[nodiscard]] auto view_of(Buffer&& buffer, const Shape& shape,
                           Layout layout = Layout::kChannelsFirst) {
  using Element = std::remove_reference_t<std::ranges::range_reference_t<Buffer>>;
  using Value = std::remove_const_t<Element>;
  static_assert(std::is_same_v<Value, float> || std::is_same_v<Value, BFloat16> ||
                    std::is_same_v<Value, std::int32_t>,
                "tensors hold float, BFloat16 or int32_t");
  constexpr DType kDType = std::is_same_v<Value, float>      ? DType::kF32
                           : std::is_same_v<Value, BFloat16> ? DType::kBF16
                                                             : DType::kI32;
  require_storage(std::ranges::size(buffer), shape, layout);
  using View = std::conditional_t<std::is_const_v<Element>, ConstTensorView, TensorView>;
  return View{.data = std::ranges::data(buffer), .shape = shape, .layout = layout, .dtype = kDType};
}

}  // namespace equipoise
