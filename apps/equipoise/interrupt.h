#pragma once

#include "equipoise/train.h"

namespace equipoise::program {

/// While it lives, Ctrl-C (SIGINT) and SIGTERM stop a training behind its step; a second one ends
/// the process at once.
class Interrupt {
 public:
  explicit Interrupt(Trainer& trainer);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// The signal that came, 0 if none.
  static int signal();
};

}  // namespace equipoise::program
