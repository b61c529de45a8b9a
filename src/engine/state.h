#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "equipoise/session.h"

namespace equipoise {

struct State::Parts {
  struct Entry {
    std::string name;
    Shape shape;
    /// Its own memory, or a part of `running`.
    AlignedBuffer buffer;
    RunningStatistics* running = nullptr;
    std::variant<std::span<float>, std::span<std::int64_t>> values;
  };

  std::uint64_t seed = 0;
  std::vector<std::unique_ptr<Entry>> entries;
  std::map<std::string, Entry*, std::less<>> by_name;
  std::vector<std::unique_ptr<RunningStatistics>> running;

  Entry& entry(std::string_view name) const;
  void add(std::unique_ptr<Entry> entry);
};

}  // namespace equipoise
