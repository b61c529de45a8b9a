#include "numbers.h"

#include <cmath>

#include <fmt/format.h>

namespace equipoise::program {

std::string with_commas(std::int64_t value) {
  if (value < 1000) return fmt::format("{}", value);
  return fmt::format("{},{:03}", with_commas(value / 1000), value % 1000);
}

std::string percent(double share) {
  return std::isfinite(share) ? fmt::format("{:.2f} %", 100 * share) : "–";
}

std::string in_bytes(std::size_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes >= 1U << 30U) return fmt::format("{:.2f} GiB", value / 1073741824.0);
  if (bytes >= 1U << 20U) return fmt::format("{:.1f} MiB", value / 1048576.0);
  if (bytes >= 1U << 10U) return fmt::format("{:.1f} KiB", value / 1024.0);
  return fmt::format("{} B", bytes);
}

std::string in_flops(double flops) {
  if (flops >= 1e9) return fmt::format("{:.2f} GFLOP", flops / 1e9);
  if (flops >= 1e6) return fmt::format("{:.2f} MFLOP", flops / 1e6);
  return fmt::format("{:.2f} kFLOP", flops / 1e3);
}

std::string FlopUnit::format(double flops) const {
  if (flops == 0) return {};
  const double tenths = std::round(10 * flops / size);
  if (tenths < 1) return "<0.1";
  const auto whole = static_cast<std::int64_t>(tenths / 10);
  return fmt::format("{}.{}", with_commas(whole), static_cast<std::int64_t>(tenths) % 10);
}

FlopUnit unit_for(double largest_flops) {
  if (largest_flops >= 1e11) return {1e9, "GFLOP"};
  if (largest_flops >= 1e7) return {1e6, "MFLOP"};
  return {1e3, "kFLOP"};
}

}  // namespace equipoise::program
