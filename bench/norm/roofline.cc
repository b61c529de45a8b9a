#include "norm/roofline.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>

#include "base/cache.h"
#include "norm/streams.h"

namespace equipoise::bench {
namespace {

template <class Work>
double seconds(Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Bandwidth measure_with(int threads, const RotatedSets& sets) {
  constexpr std::size_t kRounds = 7;
  const std::size_t bytes = sets.tensor_bytes(DType::kF32);
  std::array<std::array<double, kRounds>, 4> times{};
  volatile float sink = 0;
  for (std::size_t round = 0; round < kRounds; ++round) {
    const RotatedSets::Tensors& t = sets.tensors(round % sets.size(), DType::kF32);
    times[0][round] = seconds([&] { stream_copy(t.x, t.y, bytes, threads); });
    times[1][round] = seconds([&] { plain_copy(t.dy, t.dx, bytes, threads); });
    times[2][round] = seconds([&] { sink = read_sum(t.x, bytes, threads); });
    times[3][round] = seconds([&] { stream_fill(t.y, bytes, threads); });
  }
  const auto rate = [&](std::size_t what, double tensors) {
    std::ranges::nth_element(times[what], times[what].begin() + kRounds / 2);
    return tensors * static_cast<double>(bytes) / times[what][kRounds / 2];
  };
  return {.threads = threads,
          .stream_copy = rate(0, 2),
          .memcpy = rate(1, 2),
          .read = rate(2, 1),
          .stream_fill = rate(3, 1)};
}

}  // namespace

std::vector<Bandwidth> measure_bandwidth(int threads) {
  // Two sets of tensors of four times the cache each.
  const std::int64_t elements = cache_sizes().last_level;
  const Variant variant;
  const RotatedSets sets(Shape{1, 1, elements}, {&variant, 1});
  std::vector<Bandwidth> result = {measure_with(1, sets)};
  if (threads > 1) result.push_back(measure_with(threads, sets));
  return result;
}

}  // namespace equipoise::bench
