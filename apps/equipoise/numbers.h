#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace equipoise::program {

/// "11,689,512", of a count
std::string with_commas(std::int64_t value);

/// "89.51 %"; "–" if it is not finite.
std::string percent(double share);

/// "44.6 MiB"
std::string in_bytes(std::size_t bytes);

/// "3.65 GFLOP"
std::string in_flops(double flops);

/// A unit for a column of counts of operations.
struct FlopUnit {
  double size;
  const char* name;

  /// "1,849.7"; empty for none at all.
  std::string format(double flops) const;
};

/// One in which the largest of them has few digits before the point.
FlopUnit unit_for(double largest_flops);

}  // namespace equipoise::program
