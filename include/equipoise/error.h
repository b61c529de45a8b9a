#pragma once

#include <stdexcept>

#include "equipoise/export.h"

namespace equipoise {

/// Thrown for everything that a caller can get wrong: a wrong shape, a missing buffer, an option
/// out of range, a bad file. `what()` says what was wrong, where, and what to do.
///
/// Where a normalization (norm.h, layers.h) throws it, nothing has changed, unless it comes from an
/// exchange between ranks: that all of them together have too few values to normalize with, or
/// whatever Communicator::all_gather throws (BatchNormOptions::communicator says what is left).
/// Elsewhere, what was done before the error may remain, such as files of a run: comments say
/// where.
class EQUIPOISE_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace equipoise
