#pragma once

#include <optional>

#include "equipoise/tensor.h"
#include "operations/descriptor.h"

namespace equipoise::testing {

/// Of an operation's own nodes in one run, and what they move and compute in it. The least of all
/// runs: other processes only add to it, and while some run a median tells of them.
struct Time {
  double seconds = 0;
  double bytes = 0;  ///< of inputs and outputs, each once
  double flops = 0;
};

/// None where nothing is left to do: the result is the memory of the input, or there is no
/// gradient.
struct OperationTime {
  std::optional<Time> forward;
  std::optional<Time> gradient;
};

/// With images in this layout between reorders; these and the loss of the test do not count. Takes
/// about a third of a second.
OperationTime time_in_engine(const OperationTest& test, Layout layout);

}  // namespace equipoise::testing
