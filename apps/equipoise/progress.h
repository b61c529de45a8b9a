#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace equipoise::program {

/// How far long work has come: a bar with the time that is left on standard error if that is a
/// terminal, else nothing.
class Progress {
 public:
  /// `total` steps of about the same length.
  Progress(std::string title, int total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance();

 private:
  void show() const;

  std::string title_;
  int total_;
  int done_ = 0;
  bool terminal_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace equipoise::program
