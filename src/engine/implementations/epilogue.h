#pragma once

#include <memory>

#include "engine/implementation.h"
#include "ops/convolution.h"

namespace equipoise::engine {

/// A convolution's y, and how many threads go through it.
struct EpilogueTarget {
  Shape y;
  Layout layout;
  int threads;
};

/// A kernel that adds to what lies in y finds the residual there: it is copied, unless y is written
/// over it anyway.
std::unique_ptr<const Kernel> onto_residual(std::unique_ptr<const Kernel> kernel,
                                            const EpilogueTarget& target);

/// Residual and function in a sweep of their own behind a kernel that knows neither.
std::unique_ptr<const Kernel> followed_by(std::unique_ptr<const Kernel> kernel,
                                          const Epilogue& epilogue, const EpilogueTarget& target);

}  // namespace equipoise::engine
