#pragma once

#include <filesystem>

#include "equipoise/run.h"
#include "run/files.h"

namespace equipoise::run {

/// Scalars as TensorBoard reads them: records of a protocol buffer each (tensorflow.Event), framed
/// by their length and CRC-32C.
class EventFile {
 public:
  /// Begins a new file in the folder. Throws Error.
  EventFile(const std::filesystem::path& folder, double unix_seconds);

  /// "loss/training", "accuracy/training" and, of training, "learning_rate", as far as they are
  /// finite. Throws Error.
  void append(const Metric& metric, double unix_seconds) const;

 private:
  File file_;
};

/// Whether a file is called as those of an EventFile are.
bool is_event_file(const std::filesystem::path& path);

}  // namespace equipoise::run
