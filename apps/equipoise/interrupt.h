#pragma once

#include <array>
#include <csignal>

#include "equipoise/train.h"

namespace equipoise::program {

/// While it lives, Ctrl-C (SIGINT) and SIGTERM stop a training behind its step; a second one,
/// seconds later, ends the process at once. Another may live within it, for one training of
/// several.
class Interrupt {
 public:
  /// Without a trainer, a signal is only remembered; the next one is then stopped before its first
  /// step.
  explicit Interrupt(Trainer* trainer = nullptr);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// The signal that came, 0 if none.
  static int signal();

 private:
  Trainer* outer_;
  std::array<struct sigaction, 2> before_ = {};
};

}  // namespace equipoise::program
