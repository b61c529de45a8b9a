#pragma once

#include <nlohmann/json.hpp>

#include "equipoise/timings.h"

namespace equipoise::testing {

/// Ways that were measured, their times made up: each of the names of its problem and itself.
template <class Time>
Timings made_up(const Timings& measured, Time time) {
  Timings timings;
  const auto document = nlohmann::json::parse(measured.to_text());
  for (const auto& [problem, ways] : document["milliseconds"].items()) {
    for (const auto& [way, milliseconds] : ways.items()) {
      timings.set(problem, way, time(problem, way));
    }
  }
  return timings;
}

}  // namespace equipoise::testing
