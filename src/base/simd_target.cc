#include <atomic>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "equipoise/error.h"
#include "equipoise/runtime.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "base/simd_target.cc"
#include "base/targets.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#if HWY_ONCE

namespace equipoise {
namespace {

std::vector<std::int64_t> usable_targets() {
  std::vector<std::int64_t> targets;
  // The better of two targets has the lower bit.
  for (std::int64_t rest = hwy::SupportedTargets() & HWY_TARGETS; rest != 0; rest &= rest - 1) {
    targets.push_back(rest & -rest);
  }
  return targets;
}

// Found once, when nothing is forced yet.
const std::vector<std::int64_t>& targets() {
  static const std::vector<std::int64_t> list = usable_targets();
  return list;
}

std::atomic<std::int64_t>& forced() {
  static std::atomic<std::int64_t> target = 0;
  return target;
}

}  // namespace

std::string simd_target() {
  const std::int64_t target = forced();
  return hwy::TargetName(target != 0 ? target : targets().front());
}

std::vector<std::string> simd_targets() {
  std::vector<std::string> names;
  for (const std::int64_t target : targets()) names.emplace_back(hwy::TargetName(target));
  return names;
}

void force_simd_target(std::string_view name) {
  std::int64_t found = 0;
  for (const std::int64_t target : targets()) {
    if (name == hwy::TargetName(target)) found = target;
  }
  if (found == 0 && !name.empty()) {
    throw Error(fmt::format("no SIMD target '{}' on this machine; there are {}", name,
                            fmt::join(simd_targets(), ", ")));
  }
  forced() = found;
  hwy::SetSupportedTargetsForTest(found);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace equipoise

#endif
