#include "base/system_memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>

namespace equipoise {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kUnknown = std::numeric_limits<std::size_t>::max();

/// The number behind a key of a file of "key number" lines.
std::size_t value_of(const fs::path& path, std::string_view wanted) {
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

std::size_t left_by(const fs::path& group) {
  std::size_t limit = 0;
  // "max" is no number.
  if (std::ifstream file(group / "memory.max"); !(file >> limit)) return kUnknown;
  // Pages of files, which count as used too, are given up when memory is needed; not these.
  std::size_t used = 0;
  for (const std::string_view kind : {"anon", "shmem", "slab_unreclaimable"}) {
    const std::size_t bytes = value_of(group / "memory.stat", kind);
    if (bytes != kUnknown) used += bytes;
  }
  return limit - std::min(used, limit);
}

// The line "0::/path" of version 2.
fs::path control_group() {
  std::ifstream file("/proc/self/cgroup");
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with("0::/")) return line.substr(3);
  }
  return "/";
}

}  // namespace

std::size_t left_by_control_groups(const fs::path& mount, const fs::path& group) {
  fs::path within = group.relative_path();
  std::size_t left = left_by(mount);
  for (; !within.empty(); within = within.parent_path()) {
    left = std::min(left, left_by(mount / within));
  }
  return left;
}

std::size_t available_memory() {
  const std::size_t kib = value_of("/proc/meminfo", "MemAvailable:");
  const std::size_t machine = kib == kUnknown ? kUnknown : kib * 1024;
  return std::min(machine, left_by_control_groups("/sys/fs/cgroup", control_group()));
}

}  // namespace equipoise
