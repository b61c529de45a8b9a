#pragma once

#include <string>

#include "equipoise/run.h"

namespace equipoise::run {

/// A line of metrics.jsonl, with its line feed.
std::string to_line(const Metric& metric);

}  // namespace equipoise::run
