#include "engine/simd/pair.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/simd/pair.cc"
#include "base/targets.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "norm/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace equipoise::engine::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using norm::HWY_NAMESPACE::d;
using norm::HWY_NAMESPACE::V;

struct Sum {
  static HWY_INLINE V of(V a, V b) { return hn::Add(a, b); }
  static float of(float a, float b) { return a + b; }
};
struct Product {
  static HWY_INLINE V of(V a, V b) { return hn::Mul(a, b); }
  static float of(float a, float b) { return a * b; }
};

/// Neighbours in memory along a row, or one value for all of it.
struct Moving {
  const float* row;
  template <class N>
  HWY_INLINE V at(std::int64_t i, N n) const {
    return load(row + i, n);
  }
};
struct Repeated {
  const float* row;
  template <class N>
  HWY_INLINE V at(std::int64_t /*i*/, N /*n*/) const {
    return hn::Set(d, *row);
  }
};

template <class Operation, class A, class B>
void rows_of(const Loop& row, const Tile& tile, float* y, const float* a, const float* b) {
  norm::HWY_NAMESPACE::for_columns<4, 1>(
      tile.rows, tile.columns, 0,
      [&](std::int64_t first, std::int64_t count, std::int64_t i, auto columns, auto n)
          EQUIPOISE_INLINE_LAMBDA {
            for (std::int64_t r = first; r < first + count; ++r) {
              const A from_a{a + r * row.strides[1]};
              const B from_b{b + r * row.strides[2]};
              float* to = y + r * row.strides[0];
              norm::HWY_NAMESPACE::unrolled<columns()>([&](auto j) EQUIPOISE_INLINE_LAMBDA {
                const std::int64_t c = i + j() * norm::HWY_NAMESPACE::lanes();
                store(Operation::of(from_a.at(c, n), from_b.at(c, n)), to + c, n);
              });
            }
          });
}

template <class Operation>
void one_by_one(const Loop& row, const Loop& column, const Tile& tile, float* y, const float* a,
                const float* b) {
  for (std::int64_t r = 0; r < tile.rows; ++r) {
    for (std::int64_t c = 0; c < tile.columns; ++c) {
      y[r * row.strides[0] + c * column.strides[0]] =
          Operation::of(a[r * row.strides[1] + c * column.strides[1]],
                        b[r * row.strides[2] + c * column.strides[2]]);
    }
  }
}

template <class Operation>
void pair_of(const Nest& nest, const Tile& tile, float* y, const float* a, const float* b) {
  const Loop& row = nest.loops[nest.loops.size() - 2];
  const Loop& column = nest.loops.back();
  y += tile.start[0];
  a += tile.start[1];
  b += tile.start[2];
  if (column.strides == Offsets{1, 1, 1}) {
    rows_of<Operation, Moving, Moving>(row, tile, y, a, b);
  } else if (column.strides == Offsets{1, 1, 0}) {
    rows_of<Operation, Moving, Repeated>(row, tile, y, a, b);
  } else if (column.strides == Offsets{1, 0, 1}) {
    rows_of<Operation, Repeated, Moving>(row, tile, y, a, b);
  } else {
    one_by_one<Operation>(row, column, tile, y, a, b);
  }
}

void pair_tile(PairOperation operation, const Nest& nest, const Tile& tile, float* y,
               const float* a, const float* b) {
  operation == PairOperation::kAdd ? pair_of<Sum>(nest, tile, y, a, b)
                                   : pair_of<Product>(nest, tile, y, a, b);
}

void add_rows(const float* a, const float* b, float* y, std::int64_t count) {
  rows_of<Sum, Moving, Moving>({}, {.rows = 1, .columns = count}, y, a, b);
}

}  // namespace equipoise::engine::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace equipoise::engine {

HWY_EXPORT(pair_tile);
HWY_EXPORT(add_rows);

void pair(PairOperation operation, const Nest& nest, const Tile& tile, float* y, const float* a,
          const float* b) {
  HWY_DYNAMIC_DISPATCH(pair_tile)(operation, nest, tile, y, a, b);
}

void add(const float* a, const float* b, float* y, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(add_rows)(a, b, y, count);
}

}  // namespace equipoise::engine

#endif
