#pragma once

#include "equipoise/train.h"

namespace equipoise::train {

/// Throws Error for numbers out of range.
void check(const Schedule& schedule);

}  // namespace equipoise::train
