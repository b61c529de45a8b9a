#pragma once

/// Running statistics of batch normalizations, computed anew over data instead of averaged over the
/// steps of a training.
///
///     recalibrate(session, training_images);

#include <cstdint>

#include "equipoise/export.h"
#include "equipoise/session.h"
#include "equipoise/train.h"

namespace equipoise {

struct RecalibrationOptions {
  /// Stops behind the batch with which there are so many samples; 0: all of the epoch.
  std::int64_t samples = 0;
  /// Which epoch of the source.
  std::int64_t epoch = 0;
  /// As the session's: which normalizations are frozen.
  FrozenNorms frozen_norms = FrozenNorms::kRunning;
  /// Whose parameters, and whose running statistics are replaced; null: the session's own.
  State* state = nullptr;
};

/// What statistics were computed of.
struct Recalibration {
  /// 0 if there is no normalization to recalibrate.
  std::int64_t samples = 0;
  std::int64_t batches = 0;
};

/// Replaces running mean and variance of every batch normalization that training updates by those
/// of its input over the data; how many batches it has tracked stays. Frozen ones keep theirs and
/// normalize with them.
///
/// This is PreciseBN (Wu & Johnson 2021, section 3) with exact moments: one pass in inference
/// (without dropout) in which each batch is normalized by its own statistics, as in training. The
/// moments of batches, (count, mean, M2) in f64, are merged by count; so a layer's statistics are
/// those of its inputs over all batches together, whatever their sizes, and with a mask over the
/// positions that count. Of a layer that is used several times, or whose statistics others share,
/// all inputs count. The variance is M2/(W − 1) or M2/W, as the layer's rule says.
///
/// Layers upstream use the batch's statistics, not their new ones: parameters were trained with
/// such inputs, and one pass does for all layers, where statistics of inputs as inference has them
/// would take a pass per layer. The two agree as batches become large: take those of the training.
/// The first normalization sees no difference. Batches should be mixed as in training: of single
/// classes, their statistics would be of another distribution.
///
/// All or nothing: throws Error, and nothing has changed, for a source without batches, statistics
/// that are not finite, those that a run has staged, a state of another graph, and whatever source
/// and session throw.
EQUIPOISE_API Recalibration recalibrate(Session& session, BatchSource& source,
                                        const RecalibrationOptions& options = {});

}  // namespace equipoise
