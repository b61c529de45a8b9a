// Linked with the program's objects: it is killed where EQUIPOISE_KILL says, such as "synced:3",
// when it comes by there for the third time.

#include <csignal>
#include <cstdlib>
#include <map>
#include <string>

#include "run/failure_point.h"

namespace {

using equipoise::run::FailurePoint;

const std::map<std::string, FailurePoint> kPoints = {
    {"begin", FailurePoint::kBegin},     {"half", FailurePoint::kHalf},
    {"written", FailurePoint::kWritten}, {"synced", FailurePoint::kSynced},
    {"renamed", FailurePoint::kRenamed}, {"remove", FailurePoint::kRemove}};

FailurePoint killed_at;
int passes_left = 0;

void pass(FailurePoint point) {
  if (point == killed_at && --passes_left == 0) std::raise(SIGKILL);
}

const bool is_set = [] {
  const char* variable = std::getenv("EQUIPOISE_KILL");
  if (variable == nullptr) return false;
  const std::string text = variable;
  const std::size_t colon = text.find(':');
  killed_at = kPoints.at(text.substr(0, colon));
  passes_left = std::stoi(text.substr(colon + 1));
  equipoise::run::failure_hook = pass;
  return true;
}();

}  // namespace
