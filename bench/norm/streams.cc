#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "norm/streams.cc"
#include "norm/streams.h"

#include <algorithm>
#include <cstring>

#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace equipoise::bench {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// `count` is a multiple of kFloatsPerStep in all of these; 4 vectors at a time keep the loads ahead
// of the stores.
using Floats = hn::CappedTag<float, 16>;

void copy_share(const float* from, float* to, std::size_t count) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t i = 0; i < count; i += 4 * lanes) {
    const auto v0 = hn::Load(d, from + i);
    const auto v1 = hn::Load(d, from + i + lanes);
    const auto v2 = hn::Load(d, from + i + 2 * lanes);
    const auto v3 = hn::Load(d, from + i + 3 * lanes);
    hn::Stream(v0, d, to + i);
    hn::Stream(v1, d, to + i + lanes);
    hn::Stream(v2, d, to + i + 2 * lanes);
    hn::Stream(v3, d, to + i + 3 * lanes);
  }
  hwy::FlushStream();
}

void fill_share(float* to, std::size_t count) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t i = 0; i < count; i += lanes) hn::Stream(hn::Zero(d), d, to + i);
  hwy::FlushStream();
}

float sum_share(const float* from, std::size_t count) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  auto s0 = hn::Zero(d);
  auto s1 = hn::Zero(d);
  auto s2 = hn::Zero(d);
  auto s3 = hn::Zero(d);
  for (std::size_t i = 0; i < count; i += 4 * lanes) {
    s0 = hn::Add(s0, hn::Load(d, from + i));
    s1 = hn::Add(s1, hn::Load(d, from + i + lanes));
    s2 = hn::Add(s2, hn::Load(d, from + i + 2 * lanes));
    s3 = hn::Add(s3, hn::Load(d, from + i + 3 * lanes));
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))));
}

}  // namespace HWY_NAMESPACE
}  // namespace equipoise::bench
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace equipoise::bench {
namespace {

HWY_EXPORT(copy_share);
HWY_EXPORT(fill_share);
HWY_EXPORT(sum_share);

// Four of the widest vectors: what the loops above take in one step at most.
constexpr std::size_t kFloatsPerStep = std::size_t{4} * 16;

// Calls share(start, count) in `threads` threads; together they cover all whole steps. Returns how
// many floats that is.
template <class Share>
std::size_t in_shares(std::size_t floats, int threads, Share&& share) {
  const std::size_t steps = floats / kFloatsPerStep;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int t = 0; t < threads; ++t) {
    const auto i = static_cast<std::size_t>(t);
    const auto parts = static_cast<std::size_t>(threads);
    const std::size_t start = steps * i / parts * kFloatsPerStep;
    const std::size_t end = steps * (i + 1) / parts * kFloatsPerStep;
    share(start, end - start);
  }
  return steps * kFloatsPerStep;
}

}  // namespace

void stream_copy(const void* from, void* to, std::size_t bytes, int threads) {
  const auto* source = static_cast<const float*>(from);
  auto* target = static_cast<float*>(to);
  const std::size_t done =
      4 * in_shares(bytes / 4, threads, [&](std::size_t start, std::size_t count) {
        HWY_DYNAMIC_DISPATCH(copy_share)(source + start, target + start, count);
      });
  std::memcpy(static_cast<char*>(to) + done, static_cast<const char*>(from) + done, bytes - done);
}

void plain_copy(const void* from, void* to, std::size_t bytes, int threads) {
  const auto* source = static_cast<const float*>(from);
  auto* target = static_cast<float*>(to);
  const std::size_t done =
      4 * in_shares(bytes / 4, threads, [&](std::size_t start, std::size_t count) {
        std::memcpy(target + start, source + start, count * 4);
      });
  std::memcpy(static_cast<char*>(to) + done, static_cast<const char*>(from) + done, bytes - done);
}

void stream_fill(void* to, std::size_t bytes, int threads) {
  auto* target = static_cast<float*>(to);
  in_shares(bytes / 4, threads, [&](std::size_t start, std::size_t count) {
    HWY_DYNAMIC_DISPATCH(fill_share)(target + start, count);
  });
}

float read_sum(const void* from, std::size_t bytes, int threads) {
  const auto* source = static_cast<const float*>(from);
  float total = 0;
  in_shares(bytes / 4, threads, [&](std::size_t start, std::size_t count) {
    const float sum = HWY_DYNAMIC_DISPATCH(sum_share)(source + start, count);
#pragma omp atomic
    total += sum;
  });
  return total;
}

}  // namespace equipoise::bench
#endif
