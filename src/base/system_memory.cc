#include "base/system_memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>

namespace equipoise {
namespace {

constexpr std::size_t kUnknown = std::numeric_limits<std::size_t>::max();

/// The number behind a key of a file of "key number" lines.
std::size_t value_of(const char* path, std::string_view wanted) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string key;
    std::size_t value = 0;
    if (words >> key >> value && key == wanted) return value;
  }
  return kUnknown;
}

}  // namespace

std::size_t available_memory() {
  const std::size_t kib = value_of("/proc/meminfo", "MemAvailable:");
  const std::size_t machine = kib == kUnknown ? kUnknown : kib * 1024;
  std::size_t limit = kUnknown;
  if (std::ifstream file("/sys/fs/cgroup/memory.max"); !(file >> limit)) limit = kUnknown;
  // Pages of files count as used too, but are given up when memory is needed.
  const std::size_t used = value_of("/sys/fs/cgroup/memory.stat", "anon");
  const bool limited = limit != kUnknown && used != kUnknown;
  return std::min(machine, limited ? limit - std::min(used, limit) : kUnknown);
}

}  // namespace equipoise
