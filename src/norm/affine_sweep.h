#pragma once

#include "equipoise/norm.h"
#include "norm/sample_block.h"

namespace equipoise::norm {

/// Kernel 2 on the tiles of a block of samples.
class AffineSweep {
 public:
  enum class Bits : std::uint8_t { kWritten, kAsTheyAre };

  /// Both outlive the sweep.
  AffineSweep(const NormForward& arguments, const SampleBlock& block, Bits bits);

  /// A task of the unit's Strips; `extreme` as SampleBlock::form says.
  void operator()(const Unit& unit, const Strips::Task& task, const LaneCoefficients& coefficients,
                  bool extreme) const;

 private:
  const NormForward& args_;
  const SampleBlock& block_;
  Bits bits_;
  bool streaming_;
};

}  // namespace equipoise::norm
