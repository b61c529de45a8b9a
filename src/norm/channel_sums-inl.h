// Sums per channel from sums per lane, in f64. Compiled once per instruction set.

#if defined(EQUIPOISE_NORM_CHANNEL_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIPOISE_NORM_CHANNEL_SUMS_INL_H_
#undef EQUIPOISE_NORM_CHANNEL_SUMS_INL_H_
#else
#define EQUIPOISE_NORM_CHANNEL_SUMS_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <limits>

#include <hwy/highway.h>

#include "norm/channel_sums.h"
#include "norm/moments.h"

HWY_BEFORE_NAMESPACE();
namespace equipoise::norm::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D64 = hn::CappedTag<double, 8>;
using V64 = hn::Vec<D64>;
using DHalf = hn::Rebind<float, D64>;

HWY_INLINE V64 wide(const float* p) { return hn::PromoteTo(D64(), hn::LoadU(DHalf(), p)); }

// Not beyond the results' end: others write what follows.
HWY_INLINE void store_first(V64 v, double* p, std::int64_t count) {
  const D64 d64;
  if (count >= static_cast<std::int64_t>(hn::Lanes(d64))) {
    hn::StoreU(v, d64, p);
  } else {
    HWY_ALIGN double buffer[8];
    hn::Store(v, d64, buffer);
    std::copy_n(buffer, count, p);
  }
}

HWY_INLINE double sum_of(const float* p, std::int64_t count) {
  const D64 d64;
  const auto step = static_cast<std::int64_t>(hn::Lanes(d64));
  V64 even = hn::Zero(d64);
  V64 odd = even;
  std::int64_t i = 0;
  for (; i + 2 * step <= count; i += 2 * step) {
    even = hn::Add(even, wide(p + i));
    odd = hn::Add(odd, wide(p + i + step));
  }
  double rest = 0;
  for (; i < count; ++i) rest += static_cast<double>(p[i]);
  return hn::GetLane(hn::SumOfLanes(d64, hn::Add(even, odd))) + rest;
}

inline void add_lanes_of(const float* lanes, const ChannelLanes& of, double* out) {
  const D64 d64;
  const auto step = static_cast<std::int64_t>(hn::Lanes(d64));
  if (of.lanes_per_channel > 1) {
    for (std::int64_t block = 0; block < of.blocks; ++block) {
      const float* p = lanes + block * of.lane_stride;
      for (std::int64_t c = 0; c < of.channels; ++c)
        *out++ = sum_of(p + c * of.lanes_per_channel, of.lanes_per_channel);
    }
    return;
  }
  // Where a block is one lane, blocks are as good as channels.
  const bool flat = of.lane_stride == 1;
  const std::int64_t blocks = flat ? 1 : of.blocks;
  const std::int64_t channels = flat ? of.blocks : of.channels;
  for (std::int64_t block = 0; block < blocks; ++block) {
    const float* p = lanes + block * of.lane_stride;
    for (std::int64_t c = 0; c < channels; c += step) {
      V64 total = wide(p + c);
      for (std::int64_t r = 1; r < of.rows; ++r)
        total = hn::Add(total, wide(p + r * of.row_stride + c));
      hn::StoreU(total, d64, out + block * channels + c);
    }
  }
}

inline bool finish_moments_of(const double* sum, const double* sum_of_squares, const float* shift,
                              double count, std::int64_t channels, double* mean, double* m2) {
  const D64 d64;
  const auto step = static_cast<std::int64_t>(hn::Lanes(d64));
  const V64 inverse = hn::Set(d64, 1 / count);
  const V64 zero = hn::Zero(d64);
  const V64 small = hn::Set(d64, kSmallSumOfSquares);
  const V64 least_share = hn::Set(d64, 1 / kMostCancellation);
  const V64 mark = hn::Set(d64, kCancels);
  const V64 most = hn::Set(d64, std::numeric_limits<double>::max());
  bool all_good = true;
  for (std::int64_t c = 0; c < channels; c += step) {
    const V64 s = hn::LoadU(d64, sum + c);
    const V64 q = hn::LoadU(d64, sum_of_squares + c);
    const V64 part = hn::Mul(s, inverse);
    const V64 rest = hn::Sub(q, hn::Mul(s, part));
    store_first(hn::Add(wide(shift + c), part), mean + c, channels - c);
    // Rounding may leave less than nothing, which cancels; NaN stays NaN.
    const auto cancelled = hn::Lt(rest, hn::Mul(q, least_share));
    store_first(hn::IfThenElse(cancelled, mark, rest), m2 + c, channels - c);
    const auto finite = hn::And(hn::Le(hn::Abs(s), most), hn::Le(q, most));
    const auto nothing = hn::And(hn::Eq(s, zero), hn::Eq(q, zero));
    auto good = hn::And(finite, hn::Or(hn::AndNot(cancelled, hn::Ge(q, small)), nothing));
    if (channels - c < step)
      good = hn::Or(good, hn::Not(hn::FirstN(d64, static_cast<std::size_t>(channels - c))));
    all_good = all_good && hn::AllTrue(d64, good);
  }
  return all_good;
}

}  // namespace equipoise::norm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
