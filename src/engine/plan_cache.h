#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <tuple>

#include "engine/plan.h"

namespace equipoise::engine {

/// Plans by what they are for. The one that was not used for the longest goes first.
class PlanCache {
 public:
  using Key = std::tuple<Mode, NormsAre, UpdatesBy, std::int64_t, int>;  ///< …, batch, threads

  explicit PlanCache(std::size_t most) : most_(most) {}

  /// That of the key, made if there is none.
  std::shared_ptr<const Plan> get(const Key& key,
                                  const std::function<std::shared_ptr<const Plan>()>& make);

 private:
  struct Entry {
    std::shared_ptr<const Plan> plan;
    std::uint64_t last_use = 0;
  };

  std::size_t most_;
  std::uint64_t uses_ = 0;
  std::map<Key, Entry> entries_;
};

}  // namespace equipoise::engine
