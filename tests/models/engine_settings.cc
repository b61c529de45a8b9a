#include "models/engine_settings.h"

#include <cstdlib>
#include <utility>

#include <fmt/format.h>

namespace equipoise::testing {

std::string EngineSetting::name() const {
  return fmt::format("{} memory, {} threads, {}", to_string(memory), threads,
                     layout ? to_string(*layout) : "any layout");
}

SessionOptions EngineSetting::with(SessionOptions options) const {
  options.memory = memory;
  options.layout = layout;
  return options;
}

std::vector<EngineSetting> all_engine_settings() {
  std::vector<EngineSetting> settings;
  for (const auto layout : {std::optional<Layout>{}, std::optional(Layout::kChannelsFirst),
                            std::optional(Layout::kChannelsLast), std::optional(Layout::kBlocked8),
                            std::optional(Layout::kBlocked16)}) {
    for (const int threads : {1, 2}) {
      for (const MemoryMode memory : {MemoryMode::kDefault, MemoryMode::kLean}) {
        settings.push_back({.memory = memory, .threads = threads, .layout = layout});
      }
    }
  }
  return settings;
}

std::vector<EngineSetting> pairwise_engine_settings() {
  if (std::getenv("EQUIPOISE_ALL_SETTINGS") != nullptr) return all_engine_settings();
  std::vector<EngineSetting> half;
  int place = 0;  // of the layout
  for (const EngineSetting& setting : all_engine_settings()) {
    const int parity = place++ / 4 + setting.threads + static_cast<int>(setting.memory);
    if (parity % 2 == 0) half.push_back(setting);
  }
  return half;
}

}  // namespace equipoise::testing
