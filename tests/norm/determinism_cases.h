#pragma once

#include <utility>

#include <gtest/gtest.h>

#include "norm/methods.h"
#include "norm/raw_run.h"
#include "norm/targets.h"

namespace equipoise::testing {

/// 1, 2, 3 and 8 threads, twice in a row, with moments per sample and without: the same bits.
inline void expect_same_bits_however_it_runs(const Case& test) {
  SCOPED_TRACE(describe(test));
  const RuntimeGuard guard;
  RawRun raw(test);
  const Bits expected = raw.run(1, false);
  Bits actual;
  for (const int threads : {1, 2, 3, 8}) {
    SCOPED_TRACE(std::to_string(threads) + " threads");
    actual = raw.run(threads, false, std::move(actual));
    expect_same_bits(actual, expected);
  }
  if (test.method.is_row_wise() || test.method.statistics == Statistics::kRunning) return;
  const Bits with_moments = raw.run(1, true, std::move(actual));
  expect_same_bits(with_moments, expected);
  expect_same_bits(raw.run(3, true), with_moments);
}

}  // namespace equipoise::testing
