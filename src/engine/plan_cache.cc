#include "engine/plan_cache.h"

#include <algorithm>

namespace equipoise::engine {

std::shared_ptr<const Plan> PlanCache::get(
    const Key& key, const std::function<std::shared_ptr<const Plan>()>& make) {
  auto found = entries_.find(key);
  if (found == entries_.end()) {
    std::shared_ptr<const Plan> plan = make();
    if (entries_.size() == most_) {
      entries_.erase(std::ranges::min_element(
          entries_, {}, [](const auto& entry) { return entry.second.last_use; }));
    }
    found = entries_.emplace(key, Entry{.plan = std::move(plan)}).first;
  }
  found->second.last_use = ++uses_;
  return found->second.plan;
}

}  // namespace equipoise::engine
