// What all kernels share: vectors of at most 16 lanes, loads and stores by storage type, partial
// vectors, bits. Compiled once per instruction set.

#if defined(EQUIPOISE_NORM_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIPOISE_NORM_SIMD_INL_H_
#undef EQUIPOISE_NORM_SIMD_INL_H_
#else
#define EQUIPOISE_NORM_SIMD_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace equipoise::norm::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 16 lanes at most, so that a row of a multiple of 16 elements has no tail on any target.
using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
using DU32 = hn::Rebind<std::uint32_t, D>;
using DI32 = hn::Rebind<std::int32_t, D>;
using DU16 = hn::Rebind<std::uint16_t, D>;
constexpr D d;

HWY_INLINE std::int64_t lanes() { return static_cast<std::int64_t>(hn::Lanes(d)); }

/// A number of lanes: all of them, or the first n of a tail. Loads give 0 in the others, stores
/// leave them alone.
struct Full {
  HWY_INLINE auto mask() const { return hn::FirstN(d, hn::Lanes(d)); }
};
struct First {
  std::int64_t n;
  HWY_INLINE auto mask() const { return hn::FirstN(d, static_cast<std::size_t>(n)); }
};

HWY_INLINE V widen(hn::Vec<DU16> v) {
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(DU32(), v)));
}

// Rounds to nearest even; a NaN keeps its sign and upper bits and becomes quiet (Highway 1.0.3
// truncates).
HWY_INLINE hn::Vec<DU16> narrow(V v) {
  const DU32 du;
  const auto u = hn::BitCast(du, v);
  const auto odd = hn::And(hn::ShiftRight<16>(u), hn::Set(du, 1));
  const auto rounded = hn::Add(u, hn::Add(hn::Set(du, 0x7FFF), odd));
  const auto quiet = hn::Or(u, hn::Set(du, 0x400000));
  const auto bits = hn::IfThenElse(hn::RebindMask(du, hn::IsNaN(v)), quiet, rounded);
  return hn::DemoteTo(DU16(), hn::BitCast(DI32(), hn::ShiftRight<16>(bits)));
}

HWY_INLINE V load(const float* p, Full) { return hn::LoadU(d, p); }
HWY_INLINE V load(const std::uint16_t* p, Full) { return widen(hn::LoadU(DU16(), p)); }
HWY_INLINE V load(const float* p, First tail) {
#if HWY_MEM_OPS_MIGHT_FAULT
  HWY_ALIGN float buffer[16] = {};
  std::memcpy(buffer, p, static_cast<std::size_t>(tail.n) * sizeof(float));
  return hn::Load(d, buffer);
#else
  return hn::MaskedLoad(tail.mask(), d, p);
#endif
}
HWY_INLINE V load(const std::uint16_t* p, First tail) {
  HWY_ALIGN std::uint16_t buffer[16] = {};
  std::memcpy(buffer, p, static_cast<std::size_t>(tail.n) * sizeof(std::uint16_t));
  return widen(hn::Load(DU16(), buffer));
}

/// v where the masks of its lanes are set, else 0.
HWY_INLINE V keep(V v, const std::uint32_t* masks) {
  return hn::And(v, hn::BitCast(d, hn::LoadU(DU32(), masks)));
}

HWY_INLINE void store(V v, float* p, Full) { hn::StoreU(v, d, p); }
HWY_INLINE void store(V v, std::uint16_t* p, Full) { hn::StoreU(narrow(v), DU16(), p); }
HWY_INLINE void store(V v, float* p, First tail) {
#if HWY_MEM_OPS_MIGHT_FAULT
  HWY_ALIGN float buffer[16];
  hn::Store(v, d, buffer);
  std::memcpy(p, buffer, static_cast<std::size_t>(tail.n) * sizeof(float));
#else
  hn::BlendedStore(v, tail.mask(), d, p);
#endif
}
HWY_INLINE void store(V v, std::uint16_t* p, First tail) {
  HWY_ALIGN std::uint16_t buffer[16];
  hn::Store(narrow(v), DU16(), buffer);
  std::memcpy(p, buffer, static_cast<std::size_t>(tail.n) * sizeof(std::uint16_t));
}

// Past the cache; p aligned to the size of the stored vector.
HWY_INLINE void stream(V v, float* p) { hn::Stream(v, d, p); }
HWY_INLINE void stream(V v, std::uint16_t* p) {
  // Half a vector of 16 bytes has no such store: Highway would write all 16.
  if constexpr (hn::MaxLanes(DU16()) * sizeof(std::uint16_t) < 16) {
    hn::Store(narrow(v), DU16(), p);
  } else {
    hn::Stream(narrow(v), DU16(), p);
  }
}

/// Bytes that hold a bit for each of n elements.
HWY_INLINE std::size_t bytes_of_bits(Full) { return hn::Lanes(d) == 16 ? 2 : 1; }
HWY_INLINE std::size_t bytes_of_bits(First tail) { return tail.n > 8 ? 2 : 1; }

/// Bits of n elements from the i-th of a row on; i is a multiple of the number of lanes. Written in
/// ascending order: with 4 lanes, two vectors share a byte. What is behind a tail is not touched:
/// it may be another thread's.
template <class N>
HWY_INLINE void store_bits(hn::Mask<D> bits, N n, std::uint8_t* row, std::int64_t i) {
  HWY_ALIGN std::uint8_t buffer[8] = {};
  hn::StoreMaskBits(d, bits, buffer);
  std::uint8_t* p = row + i / 8;
  if (i % 8 != 0) {
    *p = static_cast<std::uint8_t>(*p | (buffer[0] << (i % 8)));
  } else {
    std::memcpy(p, buffer, bytes_of_bits(n));
  }
}
template <class N>
HWY_INLINE hn::Mask<D> load_bits(const std::uint8_t* row, std::int64_t i, N n) {
  HWY_ALIGN std::uint8_t buffer[8] = {};
  std::memcpy(buffer, row + i / 8, bytes_of_bits(n));
  buffer[0] = static_cast<std::uint8_t>(buffer[0] >> (i % 8));
  return hn::LoadMaskBits(d, buffer);
}

/// On the bodies of loops: a call for every few vectors would cost more than the work.
/// AddressSanitizer checks every access of what is inlined, and compiles for minutes.
#undef EQUIPOISE_INLINE_LAMBDA
#if defined(__SANITIZE_ADDRESS__)
#define EQUIPOISE_INLINE_LAMBDA
#else
#define EQUIPOISE_INLINE_LAMBDA __attribute__((always_inline))
#endif

/// Calls body(j) for the constants j = 0 … kCount − 1.
template <int kCount, class Body>
HWY_INLINE void unrolled(Body&& body) {
  [&]<int... kIndex>(std::integer_sequence<int, kIndex...>) EQUIPOISE_INLINE_LAMBDA {
    (body(std::integral_constant<int, kIndex>()), ...);
  }
  (std::make_integer_sequence<int, kCount>());
}

/// Walks rows of equal length, and a shorter one behind them if `tail` is not 0, so that what
/// belongs to a column (coefficients, sums) stays in registers or in the first-level cache: calls
/// body(first row, rows, column, columns, n) with columns() vectors of n lanes from element
/// `column` on. Memory is read in whole cache lines and, unless rows are long, in its own order; of
/// long rows, kRows are walked side by side.
template <int kColumns, int kRows, class Body>
HWY_INLINE void for_columns(std::int64_t rows, std::int64_t length, std::int64_t tail,
                            Body&& body) {
  const std::int64_t step = lanes();
  // Sums in f32 of many rows lose digits: of short rows, those of 64 are added up before they join
  // the others; of longer ones, a tile has at most some thousand.
  constexpr std::int64_t kNarrowRows = 64;
  // Up to here, the columns of a row (five values each in a backward) leave room for the rows.
  constexpr std::int64_t kLongRow = 1024;
  std::int64_t at_once = kRows;
  if (length <= kLongRow) at_once = 1;
  if (length <= std::max<std::int64_t>(kColumns * step, 16)) at_once = kNarrowRows;
  const std::int64_t end = rows + (tail > 0 ? 1 : 0);
  for (std::int64_t r = 0, count = 0; r < end; r += count) {
    const bool is_tail = r == rows;
    const std::int64_t columns = is_tail ? tail : length;
    count = is_tail ? 1 : std::min(at_once, rows - r);
    std::int64_t i = 0;
    for (; i + kColumns * step <= columns; i += kColumns * step) {
      body(r, count, i, std::integral_constant<int, kColumns>(), Full());
    }
    for (; i + step <= columns; i += step)
      body(r, count, i, std::integral_constant<int, 1>(), Full());
    if (i < columns) body(r, count, i, std::integral_constant<int, 1>(), First{columns - i});
  }
}

HWY_INLINE void add_to(float* p, V v) { hn::StoreU(hn::Add(hn::LoadU(d, p), v), d, p); }

HWY_INLINE float sum(V v) { return hn::GetLane(hn::SumOfLanes(d, v)); }

}  // namespace equipoise::norm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
