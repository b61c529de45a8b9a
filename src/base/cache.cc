#include "base/cache.h"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <string>

namespace equipoise {
namespace {

// From sysfs rather than sysconf: glibc derives the size of a shared level from the number of
// threads that share it, and is ten times off in some virtual machines.
CacheSizes read_cache_sizes() {
  CacheSizes sizes{.level2 = 1 << 20, .last_level = 8 << 20};
  std::int64_t last = 0;
  for (int index = 0; index < 8; ++index) {
    const std::string folder =
        "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
    std::ifstream level_file(folder + "level");
    std::ifstream size_file(folder + "size");
    std::int64_t level = 0;
    std::int64_t size = 0;
    char unit = ' ';
    if (!(level_file >> level) || !(size_file >> size)) continue;
    size_file >> unit;
    size *= unit == 'M' ? 1 << 20 : unit == 'K' ? 1 << 10 : 1;
    if (level == 2 && size > 0) sizes.level2 = size;
    last = std::max(last, size);
  }
  if (last > 0) sizes.last_level = last;
  return sizes;
}

struct SizesInUse {
  std::atomic<std::int64_t> level2;
  std::atomic<std::int64_t> last_level;

  explicit SizesInUse(CacheSizes read) : level2(read.level2), last_level(read.last_level) {}
};

SizesInUse& sizes_in_use() {
  static SizesInUse sizes(read_cache_sizes());
  return sizes;
}

}  // namespace

CacheSizes cache_sizes() { return {sizes_in_use().level2, sizes_in_use().last_level}; }

void set_cache_sizes(CacheSizes sizes) {
  sizes_in_use().level2 = sizes.level2;
  sizes_in_use().last_level = sizes.last_level;
}

}  // namespace equipoise
