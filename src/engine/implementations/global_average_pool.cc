/// Means over all positions, in any layout of images.

#include "ops/global_average_pool.h"

#include <algorithm>

#include "base/parallel.h"
#include "base/round_up.h"
#include "engine/implementations/implementations.h"
#include "engine/implementations/planes.h"
#include "engine/implementations/rows.h"
#include "engine/simd/row_sum.h"

namespace equipoise::engine {
namespace {

/// Lanes that one task has at most.
constexpr std::int64_t kLanes = kSumColumns;

/// Calls task(plane, first lane, last lane).
template <class Task>
void for_each_group(const Planes& x, int threads, const Task& task) {
  const std::int64_t groups = ceil_div(x.lanes, kLanes);
  const std::int64_t chunk = rows_per_task(x.positions * std::min(x.lanes, kLanes));
  parallel_for_chunks(x.planes * groups, chunk, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i % groups * kLanes;
      task(i / groups, first, std::min(first + kLanes, x.lanes));
    }
  });
}

class Forward final : public Kernel {
 public:
  Forward(const Planes& x, int threads) : x_(x), threads_(threads) {}

  void run(const Arguments& arguments) const override {
    const float* const x = arguments.input(0);
    float* const y = arguments.output(0);
    const double share = 1 / static_cast<double>(x_.positions);
    for_each_group(x_, threads_, [&](std::int64_t plane, std::int64_t first, std::int64_t last) {
      const float* const values = x + plane * x_.plane_size();
      if (x_.lanes == 1) {
        y[plane] = static_cast<float>(share * sum_of(values, nullptr, x_.positions, 1));
        return;
      }
      double sums[kLanes] = {};
      add_columns(values + first, nullptr, x_.positions, x_.lanes, last - first, sums);
      for (std::int64_t lane = first; lane < last; ++lane) {
        y[plane * x_.lanes + lane] = static_cast<float>(share * sums[lane - first]);
      }
    });
  }

 private:
  Planes x_;
  int threads_;
};

class Gradient final : public Kernel {
 public:
  Gradient(const Planes& x, int threads) : x_(x), threads_(threads) {}

  void run(const Arguments& arguments) const override {
    const float* const dy = arguments.input(0);
    float* const dx = arguments.output(0);
    const auto share = static_cast<float>(1 / static_cast<double>(x_.positions));
    for_each_group(x_, threads_, [&](std::int64_t plane, std::int64_t first, std::int64_t last) {
      float* values = dx + plane * x_.plane_size();
      if (x_.lanes == 1) {
        std::fill_n(values, x_.positions, share * dy[plane]);
        return;
      }
      float shares[kLanes];
      for (std::int64_t lane = first; lane < last; ++lane) {
        shares[lane - first] = share * dy[plane * x_.lanes + lane];
      }
      for (std::int64_t s = 0; s < x_.positions; ++s, values += x_.lanes) {
        std::copy_n(shares, last - first, values + first);
      }
    });
  }

 private:
  Planes x_;
  int threads_;
};

}  // namespace

Answer global_average_pool(const NodeContext& node) {
  const Format format = activation_format(node, 0);
  return in_layout(
      node, format,
      std::make_unique<Forward>(planes_of(node.input(0), format.layout), node.threads));
}

Answer global_average_pool_gradient(const NodeContext& node) {
  const Format format = gradient_format(node, 0);
  return in_layout(
      node, format,
      std::make_unique<Gradient>(planes_of(node.output(0), format.layout), node.threads));
}

}  // namespace equipoise::engine
