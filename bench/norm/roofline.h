#pragma once

#include <vector>

#include "norm/rotated_sets.h"

namespace equipoise::bench {

/// Memory bandwidth far beyond the cache, bytes read and written per second: the median of a few
/// runs.
struct Bandwidth {
  int threads = 1;
  double stream_copy = 0;
  double memcpy = 0;
  double read = 0;
  double stream_fill = 0;
};

/// With one thread and with `threads`.
std::vector<Bandwidth> measure_bandwidth(int threads);

}  // namespace equipoise::bench
