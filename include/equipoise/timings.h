#pragma once

/// How long implementations take on this machine, so that it is measured once.

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "equipoise/export.h"

namespace equipoise {

/// Times of convolutions, matrix products and reorders, each alone. A session whose options have
/// one plans by them (SessionOptions::timings): it looks up what is there and measures the rest, so
/// a plan made again from the same times is the same, and so are the bits of its results.
///
/// Thread safety: sessions that share one compile one after another.
class EQUIPOISE_API Timings {
 public:
  /// Milliseconds of one way to compute a problem; none if it was not measured.
  [[nodiscard]] std::optional<double> find(std::string_view problem, std::string_view way) const;
  /// Counts as measured from now on; an earlier value is replaced.
  void set(std::string_view problem, std::string_view way, double milliseconds);
  /// Of times.
  [[nodiscard]] std::size_t size() const;

  /// A JSON document of all times and of the machine that they were measured on.
  [[nodiscard]] std::string to_text() const;
  /// What `to_text` wrote; empty if it is of another processor, instruction set or version of
  /// oneDNN. Throws Error, with `where`, for what is no such document.
  static Timings parse(std::string_view text, std::string_view where);

 private:
  std::map<std::string, std::map<std::string, double, std::less<>>, std::less<>> problems_;
};

}  // namespace equipoise
