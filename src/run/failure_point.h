#pragma once

namespace equipoise::run {

/// Where writing a file can be interrupted: begun, half of the bytes written, all of them written,
/// flushed to the disk, renamed; when an older checkpoint is about to be removed; when a line of
/// metrics was written.
enum class FailurePoint { kBegin, kHalf, kWritten, kSynced, kRenamed, kRemove, kAppended };

/// For tests: is called at each of these points, where it may stop the process or throw. Null:
/// nothing is called.
extern void (*failure_hook)(FailurePoint point);

inline void at(FailurePoint point) {
  if (failure_hook != nullptr) failure_hook(point);
}

}  // namespace equipoise::run
