#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <numeric>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/cache.h"
#include "base/parallel.h"
#include "equipoise/runtime.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "base/machine_limits.cc"
#include "base/targets.h"

#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace equipoise::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;

/// Copies `count` values, a multiple of 64, with stores that do not read what they overwrite.
void stream_copy(const float* from, float* to, std::size_t count) {
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

/// Returns how many multiplications and additions were done; `sink` keeps them from being left out.
/// Ten sums: two units that begin one each cycle, and end it four or five cycles later.
double multiply_add(std::int64_t rounds, float* sink) {
  const Floats d;
  auto s0 = hn::Zero(d);
  auto s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0, s8 = s0, s9 = s0;
  const auto a = hn::Set(d, 0.5F);
  const auto b = hn::Set(d, 1.0F);
  for (std::int64_t i = 0; i < rounds; ++i) {
    s0 = hn::MulAdd(s0, a, b);
    s1 = hn::MulAdd(s1, a, b);
    s2 = hn::MulAdd(s2, a, b);
    s3 = hn::MulAdd(s3, a, b);
    s4 = hn::MulAdd(s4, a, b);
    s5 = hn::MulAdd(s5, a, b);
    s6 = hn::MulAdd(s6, a, b);
    s7 = hn::MulAdd(s7, a, b);
    s8 = hn::MulAdd(s8, a, b);
    s9 = hn::MulAdd(s9, a, b);
  }
  const auto low = hn::Add(hn::Add(s0, s1), hn::Add(s2, s3));
  const auto high = hn::Add(hn::Add(hn::Add(s4, s5), hn::Add(s6, s7)), hn::Add(s8, s9));
  *sink = hn::GetLane(hn::SumOfLanes(d, hn::Add(low, high)));
  return 2.0 * 10 * static_cast<double>(hn::Lanes(d)) * static_cast<double>(rounds);
}

}  // namespace equipoise::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace equipoise {
namespace {

HWY_EXPORT(stream_copy);
HWY_EXPORT(multiply_add);

constexpr std::size_t kRounds = 7;

/// The median over rounds of work(), which returns how much it has done, per second.
template <class Work>
double rate(const Work& work) {
  std::array<double, kRounds> rates{};
  for (double& round : rates) {
    const auto start = std::chrono::steady_clock::now();
    const double done = work();
    round = done / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  std::ranges::nth_element(rates, rates.begin() + kRounds / 2);
  return rates[kRounds / 2];
}

}  // namespace

MachineLimits measure_machine_limits() {
  const int threads = num_threads();
  const auto shares = static_cast<std::size_t>(threads);
  // Per thread, a whole number of steps of stream_copy; together four times the cache.
  const std::size_t share =
      (4 * static_cast<std::size_t>(cache_sizes().last_level) / shares / 256 + 1) * 256;
  AlignedBuffer from(share * shares);
  AlignedBuffer to(share * shares);
  std::memset(from.data(), 0, from.size());
  std::memset(to.data(), 0, to.size());
  MachineLimits limits;
  limits.bytes_per_second = rate([&] {
    parallel_for(threads, threads, [&](std::int64_t i, int) {
      const std::size_t first = static_cast<std::size_t>(i) * share;
      HWY_DYNAMIC_DISPATCH(stream_copy)
      (reinterpret_cast<const float*>(from.data() + first),
       reinterpret_cast<float*>(to.data() + first), share / sizeof(float));
    });
    return 2.0 * static_cast<double>(share * shares);
  });
  limits.flops_per_second = rate([&] {
    auto* const sinks = reinterpret_cast<float*>(to.data());
    std::vector<double> done(shares);
    parallel_for(threads, threads, [&](std::int64_t i, int) {
      constexpr std::int64_t kSteps = 2'000'000;
      done[static_cast<std::size_t>(i)] =
          HWY_DYNAMIC_DISPATCH(multiply_add)(kSteps, sinks + 64 * i);
    });
    return std::accumulate(done.begin(), done.end(), 0.0);
  });
  return limits;
}

}  // namespace equipoise

#endif
