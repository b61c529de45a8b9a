#pragma once

#include <cstdint>

namespace equipoise {

/// Bytes of the second-level cache of one core, and of the last-level cache, of the machine this
/// runs on.
struct CacheSizes {
  std::int64_t level2;
  std::int64_t last_level;
};
const CacheSizes& cache_sizes();

}  // namespace equipoise
