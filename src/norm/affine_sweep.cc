#include "norm/affine_sweep.h"

#include "norm/output.h"

namespace equipoise::norm {

AffineSweep::AffineSweep(const NormForward& arguments, const SampleBlock& block, Bits bits)
    : args_(arguments), block_(block), bits_(bits), streaming_(streams(arguments.y, arguments.x)) {}

void AffineSweep::operator()(const Unit& unit, const Strips::Task& task,
                             const LaneCoefficients& coefficients, bool extreme) const {
  const Walk& walk = block_.walk();
  const DType dtype = args_.x.dtype;
  const TileRange range = block_.range(unit, task);
  const std::int64_t offset = walk.offset(range, task.l0);
  AffineTile tile{block_.tile(range, task)};
  if (bits_ == Bits::kAsTheyAre) tile.bits = nullptr;
  tile.coefficients = coefficients.of_block(task.l0 - unit.l0, extreme);
  tile.x = at(block_.data(args_.x), dtype, offset);
  tile.y = at(block_.data(args_.y), dtype, offset);
  tile.residual = at(block_.data(args_.residual), dtype, offset);
  tile.streaming = streaming_;
  tile.kept_lanes = kept_lanes(walk, task.l1 - 1);
  affine(tile);
}

}  // namespace equipoise::norm
