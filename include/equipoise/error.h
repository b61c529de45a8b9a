#pragma once

#include <stdexcept>

#include "equipoise/export.h"

namespace equipoise {

/// Thrown for everything that a caller can get wrong: a wrong shape, a missing buffer, an option
/// out of range, a bad file. `what()` says what was wrong, where, and what to do. Whatever throws
/// it has changed nothing, with one exception: that all ranks together have too few values to
/// normalize with is found after their exchange (BatchNormOptions::communicator in norm.h).
class EQUIPOISE_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace equipoise
