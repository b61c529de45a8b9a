#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "norm/norm_case.h"
#include "norm/rotated_sets.h"

namespace equipoise::bench {

/// Somebody who does one thing with the tensors of a set.
struct Contender {
  std::string who;   ///< "ours", "onednn", "copy", "memcpy"
  std::string pass;  ///< "forward", "backward", "forward_backward", "copy"
  Variant variant;
  std::string implementation;  ///< what the contender says of itself; may be empty
  std::function<void(std::size_t set)> run;
};

/// Our forward and backward (for batch norm) or forward and backward in one (for the others). Every
/// set has the record that a layer would have; the workspace is shared. `sets` must outlive them.
std::vector<Contender> our_contenders(const NormCase& norm_case, Variant variant,
                                      const RotatedSets& sets);

/// oneDNN's batch norm, the activation fused. Empty where it has no implementation, or was not
/// there at build time.
std::vector<Contender> onednn_contenders(const NormCase& norm_case, Variant variant,
                                         const RotatedSets& sets, int threads);

/// "2.6.3"; empty if it was not there at build time.
std::string onednn_version();

/// x to y: with streaming stores, and with memcpy.
std::vector<Contender> copy_contenders(DType dtype, const RotatedSets& sets, int threads);

/// All of the above for a case. Each has been run once on every set, so that records are filled and
/// pages are there.
std::vector<Contender> all_contenders(const NormCase& norm_case, std::span<const Variant> variants,
                                      const RotatedSets& sets, int threads);

/// Seconds of one call, the mean over as many sets as a measurement goes through, from *cursor on.
double measure(const Contender& contender, const RotatedSets& sets, int threads,
               std::size_t* cursor);

}  // namespace equipoise::bench
