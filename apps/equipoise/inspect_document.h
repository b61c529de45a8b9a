#pragma once

#include <string>

#include "inspected_model.h"

namespace equipoise::program {

/// {"equipoise": …, "kind": "inspect", "version": 1, "model": …, "layers": […], "norms": […],
/// "totals": …}, with "plan" if there is one and "graph" (its dump) if asked for. Sizes are for the
/// model's batch; formats only grow within a version.
std::string inspect_document(const InspectedModel& model, bool with_graph);

}  // namespace equipoise::program
