#pragma once

#include <string>

#include "inspected_model.h"
#include "output.h"

namespace equipoise::program {

/// Tables to read: layers with totals, then normalizations.
std::string inspect_text(const InspectedModel& model, const Style& style);

}  // namespace equipoise::program
