#pragma once

#include <optional>
#include <string>
#include <vector>

#include "equipoise/session.h"

namespace equipoise::testing {

/// One way to run a network; all of them are right.
struct EngineSetting {
  MemoryMode memory = MemoryMode::kDefault;
  int threads = 1;
  std::optional<Layout> layout = std::nullopt;

  /// "lean memory, 2 threads, blocked8"
  std::string name() const;
  SessionOptions with(SessionOptions options) const;
};

/// Memory × 1 and 2 threads × layouts.
std::vector<EngineSetting> all_engine_settings();
/// Half of them, which has every pair of a memory mode, a number of threads and a layout; all where
/// the environment has EQUIPOISE_ALL_SETTINGS.
std::vector<EngineSetting> pairwise_engine_settings();

/// Those that single runs of a program's networks are made with: all, or of large ones the half.
/// In small_networks.cc and large_networks.cc.
std::vector<EngineSetting> engine_settings();

}  // namespace equipoise::testing
