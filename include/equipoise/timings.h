#pragma once

/// How long implementations take on this machine, so that it is measured once.

#include <cstddef>
#include <filesystem>
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

  /// What `save` wrote; empty if there is no such file, or if it is of another machine, instruction
  /// set or version of oneDNN. Throws Error for a file that is not one, or cannot be read.
  static Timings load(const std::filesystem::path& path);
  /// Written beside and renamed: the file is the old one or the new one. Throws Error if it cannot
  /// be written.
  void save(const std::filesystem::path& path) const;

 private:
  std::map<std::string, std::map<std::string, double, std::less<>>, std::less<>> problems_;
};

}  // namespace equipoise
