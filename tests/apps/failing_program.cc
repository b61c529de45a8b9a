// Linked with the program's objects: it is killed where EQUIPOISE_KILL says, such as "synced:3",
// when it comes by there for the third time; EQUIPOISE_INTERRUPT is the same for Ctrl-C.

#include <csignal>
#include <cstdlib>
#include <map>
#include <string>

#include "run/failure_point.h"

namespace {

using equipoise::run::FailurePoint;

const std::map<std::string, FailurePoint> kPoints = {
    {"begin", FailurePoint::kBegin},      {"half", FailurePoint::kHalf},
    {"written", FailurePoint::kWritten},  {"synced", FailurePoint::kSynced},
    {"renamed", FailurePoint::kRenamed},  {"remove", FailurePoint::kRemove},
    {"appended", FailurePoint::kAppended}};

FailurePoint signalled_at;
int sent = 0;
int passes_left = 0;

void pass(FailurePoint point) {
  if (point == signalled_at && --passes_left == 0) std::raise(sent);
}

bool set(const char* name, int signal) {
  const char* variable = std::getenv(name);
  if (variable == nullptr) return false;
  const std::string text = variable;
  const std::size_t colon = text.find(':');
  signalled_at = kPoints.at(text.substr(0, colon));
  sent = signal;
  passes_left = std::stoi(text.substr(colon + 1));
  equipoise::run::failure_hook = pass;
  return true;
}

const bool is_set = set("EQUIPOISE_KILL", SIGKILL) || set("EQUIPOISE_INTERRUPT", SIGINT);

}  // namespace
