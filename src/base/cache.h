#pragma once

#include <cstdint>

namespace equipoise {

/// Bytes of the second-level cache of one core, and of the last-level cache, of the machine this
/// runs on.
struct CacheSizes {
  std::int64_t level2;
  std::int64_t last_level;
};
CacheSizes cache_sizes();

/// Says otherwise, so that tests of small tensors take the ways of large ones. No result depends on
/// it. Thread-safe, but not for calls under way.
void set_cache_sizes(CacheSizes sizes);

}  // namespace equipoise
