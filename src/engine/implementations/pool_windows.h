#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/parallel.h"
#include "base/round_up.h"
#include "engine/implementations/planes.h"
#include "engine/implementations/rows.h"
#include "equipoise/operations.h"
#include "ops/pool.h"

namespace equipoise::engine {

/// How windows lie on an image x (N, C, H, W) in one layout, and how to go through them.
class PoolWindows {
 public:
  PoolWindows(const ops::PoolOptions& options, const Shape& x, const Shape& y, Layout layout,
              int threads)
      : x_(planes_of(x, layout)),
        y_(planes_of(y, layout)),
        width_(x[3]),
        height_(x[2]),
        threads_(threads) {
    for (std::int64_t h = 0; h < y[2]; ++h) {
      const PoolField field = pool_field(options, x, h, 0);
      rows_.push_back({field.top, field.bottom});
    }
    for (std::int64_t w = 0; w < y[3]; ++w) {
      const PoolField field = pool_field(options, x, 0, w);
      columns_.push_back({field.left, field.right});
    }
  }

  /// Calls visit(window, x, y, count) with what the window sees of x, where the plane of x begins,
  /// the place in y, and a constant number of lanes.
  template <class Visit>
  void for_each(const float* x, float* y, const Visit& visit) const {
    const auto rows = static_cast<std::int64_t>(rows_.size());
    const auto columns = static_cast<std::int64_t>(columns_.size());
    const std::int64_t chunk = rows_per_task(columns * y_.lanes);
    parallel_for_chunks(
        y_.planes * rows, chunk, threads_, [&](std::int64_t first, std::int64_t last) {
          for (std::int64_t i = first; i < last; ++i) {
            const float* plane = x + i / rows * x_.plane_size();
            for (std::int64_t w = 0; w < columns; ++w) {
              const PoolField window = field(i % rows, w);
              for_each_run(0, y_.lanes, [&](std::int64_t lane, auto count) {
                visit(window, plane + lane, y + (i * columns + w) * y_.lanes + lane, count);
              });
            }
          }
        });
  }

  /// The same for gradients, in which windows that overlap add to one dx: a task has all windows of
  /// its lanes. visit(window, offset in x and dx of the plane, offset in dy, count). Clears dx,
  /// each row just before the first window reaches it, so that it is in the cache.
  template <class Visit>
  void for_each_in_turn(float* dx, const Visit& visit) const {
    constexpr std::int64_t kLanes = 64;
    const std::int64_t groups = ceil_div(x_.lanes, kLanes);
    parallel_for(x_.planes * groups, threads_, [&](std::int64_t i, int) {
      const std::int64_t first = i % groups * kLanes;
      const std::int64_t last = std::min(first + kLanes, x_.lanes);
      const std::int64_t in_x = i / groups * x_.plane_size();
      std::int64_t in_y = i / groups * y_.plane_size();
      std::int64_t cleared = 0;
      const auto clear_to = [&](std::int64_t row) {
        for (; cleared < row * width_; ++cleared) {
          std::fill(dx + in_x + cleared * x_.lanes + first, dx + in_x + cleared * x_.lanes + last,
                    0.0F);
        }
      };
      for (std::size_t h = 0; h < rows_.size(); ++h) {
        clear_to(rows_[h].end);
        for (std::size_t w = 0; w < columns_.size(); ++w, in_y += y_.lanes) {
          const PoolField window =
              field(static_cast<std::int64_t>(h), static_cast<std::int64_t>(w));
          for_each_run(first, last, [&](std::int64_t lane, auto count) {
            visit(window, in_x + lane, in_y + lane, count);
          });
        }
      }
      clear_to(height_);
    });
  }

  /// From one position of x to the next, and how many there are in a row.
  std::int64_t lanes() const { return x_.lanes; }
  std::int64_t width() const { return width_; }

 private:
  struct Range {
    std::int64_t begin, end;
  };

  PoolField field(std::int64_t h, std::int64_t w) const {
    const Range& row = rows_[static_cast<std::size_t>(h)];
    const Range& column = columns_[static_cast<std::size_t>(w)];
    return {.top = row.begin, .left = column.begin, .bottom = row.end, .right = column.end};
  }

  Planes x_, y_;
  std::int64_t width_, height_;
  int threads_;
  std::vector<Range> rows_, columns_;
};

}  // namespace equipoise::engine
