#include "interrupt.h"

#include <atomic>
#include <ctime>

namespace equipoise::program {
namespace {

std::atomic<Trainer*> stopped_by_signals = nullptr;
std::atomic<int> received = 0;
std::atomic<std::time_t> received_at = 0;
constexpr std::array kSignals = {SIGINT, SIGTERM};

std::time_t monotonic_seconds() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

void stop(int signal) {
  // A shell and `timeout` send it to the process and to its group: twice at once is once.
  constexpr std::time_t kAtOnce = 1;
  if (received != 0) {
    if (monotonic_seconds() - received_at <= kAtOnce) return;
    std::signal(signal, SIG_DFL);
    std::raise(signal);
    return;
  }
  received_at = monotonic_seconds();
  received = signal;
  if (Trainer* trainer = stopped_by_signals) trainer->stop();
}

}  // namespace

Interrupt::Interrupt(Trainer* trainer) : outer_(stopped_by_signals.exchange(trainer)) {
  if (received != 0) {
    if (trainer != nullptr) trainer->stop();
    return;
  }
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    struct sigaction action = {};
    action.sa_handler = stop;
    action.sa_flags = SA_RESTART;
    sigaction(kSignals[i], &action, &before_[i]);
  }
}

Interrupt::~Interrupt() {
  // Once a signal has come, the handler stays, for what is left to be said.
  for (std::size_t i = 0; i < kSignals.size() && received == 0; ++i) {
    sigaction(kSignals[i], &before_[i], nullptr);
  }
  stopped_by_signals = outer_;
}

int Interrupt::signal() { return received; }

}  // namespace equipoise::program
