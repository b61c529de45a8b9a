#include "images/resample.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "images/check.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "images/resample.cc"
#include "base/targets.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace equipoise::images::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr std::int32_t kHalf = std::int32_t{1} << (kPrecisionBits - 1);

template <class D32, class V = hn::Vec<D32>>
HWY_INLINE auto to_bytes(D32 /*d32*/, V sum) {
  return hn::DemoteTo(hn::Rebind<std::uint8_t, D32>(), hn::ShiftRight<kPrecisionBits>(sum));
}

/// One byte out of taps that are `stride` bytes apart.
HWY_INLINE std::uint8_t byte(const std::uint8_t* from, std::ptrdiff_t stride,
                             const Coefficients::Taps& taps) {
  std::int32_t sum = kHalf;
  for (std::int32_t t = 0; t < taps.count; ++t) sum += taps.values[t] * from[t * stride];
  return static_cast<std::uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255));
}

#if HWY_TARGET == HWY_SCALAR

void columns_of_color(const std::uint8_t* from, const Coefficients& coefficients,
                      std::uint8_t* to) {
  for (std::int32_t i = 0; i < coefficients.size(); ++i) {
    const Coefficients::Taps taps = coefficients[i];
    for (int c = 0; c < 3; ++c, ++to)
      *to = byte(from + 3 * std::ptrdiff_t{taps.first} + c, 3, taps);
  }
}

#else

/// One row of color: a vector is one pixel and the byte behind it, which has to be there.
void columns_of_color(const std::uint8_t* from, const Coefficients& coefficients,
                      std::uint8_t* to) {
  const hn::FixedTag<std::int32_t, 4> d32;
  const hn::Rebind<std::uint8_t, decltype(d32)> d8;
  for (std::int32_t i = 0; i < coefficients.size(); ++i, to += 3) {
    const Coefficients::Taps taps = coefficients[i];
    const std::uint8_t* pixel = from + 3 * std::ptrdiff_t{taps.first};
    auto even = hn::Set(d32, kHalf);
    auto odd = hn::Zero(d32);
    const auto tap = [&](std::int32_t t) HWY_ATTR {
      const auto x = hn::PromoteTo(d32, hn::LoadU(d8, pixel + 3 * std::ptrdiff_t{t}));
      return hn::Mul(x, hn::Set(d32, taps.values[t]));
    };
    std::int32_t t = 0;
    for (; t + 2 <= taps.count; t += 2) {
      even = hn::Add(even, tap(t));
      odd = hn::Add(odd, tap(t + 1));
    }
    if (t < taps.count) even = hn::Add(even, tap(t));
    std::array<std::uint8_t, 4> bytes{};
    hn::StoreU(to_bytes(d32, hn::Add(even, odd)), d8, bytes.data());
    std::memcpy(to, bytes.data(), 3);
  }
}

#endif

/// One row of grey. A vector of taps would be mostly tail.
void columns_of_grey(const std::uint8_t* from, const Coefficients& coefficients, std::uint8_t* to) {
  for (std::int32_t i = 0; i < coefficients.size(); ++i) {
    const Coefficients::Taps taps = coefficients[i];
    to[i] = byte(from + taps.first, 1, taps);
  }
}

/// One row out of `taps.count` rows, `stride` bytes apart.
void row(const std::uint8_t* from, std::ptrdiff_t stride, const Coefficients::Taps& taps,
         std::uint8_t* to) {
  const hn::CappedTag<std::int32_t, 16> d32;
  const hn::Rebind<std::uint8_t, decltype(d32)> d8;
  const auto lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d32));
  const auto sums = [&](std::ptrdiff_t i, auto load) HWY_ATTR {
    auto sum = hn::Set(d32, kHalf);
    for (std::int32_t t = 0; t < taps.count; ++t) {
      const auto x = hn::PromoteTo(d32, load(from + t * stride + i));
      sum = hn::Add(sum, hn::Mul(x, hn::Set(d32, taps.values[t])));
    }
    return to_bytes(d32, sum);
  };
  std::ptrdiff_t i = 0;
  for (; i + lanes <= stride; i += lanes) {
    hn::StoreU(sums(i, [&](const std::uint8_t* p) HWY_ATTR { return hn::LoadU(d8, p); }), d8,
               to + i);
  }
  for (; i < stride; ++i) to[i] = byte(from + i, stride, taps);
}

}  // namespace equipoise::images::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace equipoise::images {

HWY_EXPORT(columns_of_color);
HWY_EXPORT(columns_of_grey);
HWY_EXPORT(row);

Image resample_columns(const Image& image, const Coefficients& coefficients, std::int32_t first_row,
                       std::int32_t end_row) {
  Image result = make_image(coefficients.size(), end_row - first_row, image.channels);
  const std::ptrdiff_t from_stride = std::ptrdiff_t{image.width} * image.channels;
  const std::ptrdiff_t to_stride = std::ptrdiff_t{result.width} * result.channels;
  const std::uint8_t* from = image.pixels.data() + first_row * from_stride;
  std::uint8_t* to = result.pixels.data();
  const auto run = image.channels == 3 ? HWY_DYNAMIC_DISPATCH(columns_of_color)
                                       : HWY_DYNAMIC_DISPATCH(columns_of_grey);
  for (std::int32_t y = first_row; y < end_row; ++y, from += from_stride, to += to_stride) {
    if (y + 1 < image.height) {
      run(from, coefficients, to);
    } else {  // behind the last row there is no byte
      std::vector<std::uint8_t> last(from, from + from_stride);
      last.push_back(0);
      run(last.data(), coefficients, to);
    }
  }
  return result;
}

Image resample_rows(const Image& image, const Coefficients& coefficients, std::int32_t first_row) {
  Image result = make_image(image.width, coefficients.size(), image.channels);
  const std::ptrdiff_t stride = std::ptrdiff_t{image.width} * image.channels;
  for (std::int32_t y = 0; y < coefficients.size(); ++y) {
    const Coefficients::Taps taps = coefficients[y];
    HWY_DYNAMIC_DISPATCH(row)
    (image.pixels.data() + (taps.first - first_row) * stride, stride, taps,
     result.pixels.data() + y * stride);
  }
  return result;
}

}  // namespace equipoise::images

#endif
