#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "equipoise/timings.h"

namespace equipoise::program {

/// The file of --plan: times of this machine by which sessions plan. Without one, there are none.
/// Sessions point to the times, so it stays where it is.
class PlanFile {
 public:
  PlanFile() = default;
  PlanFile(const PlanFile&) = delete;
  PlanFile& operator=(const PlanFile&) = delete;

  /// Takes what is in the file, if it is there. Throws Error for one that has something else.
  void open(const std::filesystem::path& path);

  /// For SessionOptions::timings.
  Timings* timings() { return path_.empty() ? nullptr : &timings_; }

  /// Also keeps them there, from now on; nothing if there are none. Throws Error if it cannot be
  /// written.
  void copy_to(const std::filesystem::path& copy);

  /// Writes what was measured since. Throws Error if it cannot be written; where a copy can be,
  /// that is enough, and what is wrong with the file itself is returned, else nothing.
  [[nodiscard]] std::string keep();

 private:
  std::filesystem::path path_;
  std::filesystem::path copy_;
  Timings timings_;
  std::size_t kept_ = 0;
};

}  // namespace equipoise::program
