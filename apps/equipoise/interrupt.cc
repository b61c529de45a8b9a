#include "interrupt.h"

#include <atomic>

namespace equipoise::program {
namespace {

std::atomic<Trainer*> stopped_by_signals = nullptr;
std::atomic<int> received = 0;
constexpr std::array kSignals = {SIGINT, SIGTERM};

void stop(int signal) {
  received = signal;
  if (Trainer* trainer = stopped_by_signals) trainer->stop();
}

}  // namespace

Interrupt::Interrupt(Trainer* trainer) : outer_(stopped_by_signals.exchange(trainer)) {
  if (received != 0) {
    // No handler: a second signal ends the process.
    if (trainer != nullptr) trainer->stop();
    return;
  }
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    struct sigaction action = {};
    action.sa_handler = stop;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
    sigaction(kSignals[i], &action, &before_[i]);
  }
}

Interrupt::~Interrupt() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    if (received == 0) {
      sigaction(kSignals[i], &before_[i], nullptr);
    } else {
      std::signal(kSignals[i], SIG_DFL);
    }
  }
  stopped_by_signals = outer_;
}

int Interrupt::signal() { return received; }

}  // namespace equipoise::program
