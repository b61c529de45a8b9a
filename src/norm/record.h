#pragma once

#include <cstdint>
#include <vector>

#include "base/aligned_buffer.h"
#include "equipoise/norm.h"

namespace equipoise {

/// What a backward needs to know of its forward, beside the tensors that it is given again.
struct NormRecord::State {
  bool filled = false;
  Shape shape;
  Layout layout = Layout::kChannelsFirst;
  DType dtype = DType::kF32;
  Partition partition;
  /// Samples share statistics, in blocks of partition.samples; else each has its own.
  bool across_samples = false;
  /// Layer and RMS normalization only: what the tensors were seen as lies behind these axes.
  bool over_axes = false;
  LayerAxes axes;
  bool centered = true;
  double epsilon = 0;
  Activation activation = Activation::kNone;
  float negative_slope = 0;
  bool has_weight = false;
  bool has_bias = false;
  bool has_residual = false;
  bool has_position_weights = false;
  /// Running statistics normalized: nothing flows through them.
  bool frozen = false;
  Communicator* communicator = nullptr;

  /// Per group.
  std::vector<double> mean;
  std::vector<double> rstd;
  std::vector<Moments> moments;
  /// Per group, batch renormalization only.
  std::vector<double> r;
  std::vector<double> d;
  /// Per block of samples: the share of the batch in the statistics.
  std::vector<double> batch_share;
  /// One bit per element where the derivative was 1; empty if it is computed from z.
  AlignedBuffer bits;
  bool has_bits = false;
};

/// The way in to what public classes hide.
struct norm::Internals {
  static NormRecord::State& of(NormRecord& record) { return *record.state_; }
  static const NormRecord::State& of(const NormRecord& record) { return *record.state_; }
  static Workspace::Arena& of(Workspace& workspace) { return *workspace.arena_; }
};

}  // namespace equipoise
