#include "interrupt.h"

#include <array>
#include <atomic>
#include <csignal>

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

Interrupt::Interrupt(Trainer& trainer) {
  stopped_by_signals = &trainer;
  for (const int signal : kSignals) {
    struct sigaction action = {};
    action.sa_handler = stop;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
    sigaction(signal, &action, nullptr);
  }
}

Interrupt::~Interrupt() {
  for (const int signal : kSignals) std::signal(signal, SIG_DFL);
  stopped_by_signals = nullptr;
}

int Interrupt::signal() { return received; }

}  // namespace equipoise::program
