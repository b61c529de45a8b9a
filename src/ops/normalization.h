#pragma once

#include <cstdint>
#include <optional>

#include "equipoise/norm.h"
#include "equipoise/norm_summary.h"
#include "equipoise/running_statistics.h"
#include "graph/operation.h"

namespace equipoise {

/// Everything that a normalization node holds. A pass that wants another one copies this, changes
/// what it wants (the activation, to fuse one; the statistics, for inference) and makes a new Norm.
struct NormAttributes {
  NormKind kind = NormKind::kBatch;
  /// Of kGroup: divides the channels.
  std::int64_t groups = 1;
  /// Of kLayer and kRms.
  LayerAxes axes = {};
  double epsilon = 1e-5;
  Activation activation = Activation::kNone;
  float negative_slope = 0.01F;

  // All further ones are of kBatch; ops::BatchNormNode says what they mean.
  Statistics statistics = Statistics::kBatch;
  bool update_running = false;
  UpdateRule rule = {};
  double pseudo_count = 16;
  std::int64_t ghost_batch_size = 0;
  std::optional<Renorm> renorm = std::nullopt;
  bool synchronized = false;

  /// Whether y or the record depends on running_mean and running_var.
  bool reads_running() const { return statistics != Statistics::kBatch || renorm.has_value(); }
};

/// y = act(γ·x̂ + β [+ residual]), x̂ = r·(x − μ)·rstd + d with the statistics of x's group; see
/// equipoise/norm.h. x and residual (N, C, …); weight and bias (C), or the trailing dimensions that
/// layer and RMS normalization are over; running_mean and running_var (C); position_weights
/// (N, …positions).
///
/// Running averages are only read: whoever runs the graph stages the moments of the batch, which
/// are in the record, if update_running says so.
class Norm final : public Operation {
 public:
  enum Input { kX, kWeight, kBias, kRunningMean, kRunningVar, kResidual, kPositionWeights };
  enum Output { kY, kRecord };

  explicit Norm(const NormAttributes& attributes) : norm_(attributes) {}

  const NormAttributes& norm() const { return norm_; }

  std::string_view type() const override;
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  /// Weights of positions and running averages are constants to the gradient.
  void differentiate(GradientWriter& writer) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;

 private:
  NormAttributes norm_;
};

/// With dz = dy·act′(z), κ the share of the batch in the statistics, w the weight of a position and
/// W the sum of those of its group:
///
///     dbias = Σ dz      dweight = Σ dz·(r·x̂ + d)      dresidual = dz
///     dx = γ·r·rstd·dz − κ·(w/W)·rstd·[Σ γ·r·dz + (x − μ_B)·rstd·Σ γ·r·dz·x̂]
///
/// where x̂ = (x − μ)·rstd, and RMS normalization has only the second sum. weight, bias and
/// position_weights are those of the forward. The residual is read only where the activation is
/// smooth; otherwise the record knows on which side of its kinks each z was. Where y went to two
/// consumers, dy_second is added to dy.
class NormGradient final : public Operation {
 public:
  enum Input { kX, kDY, kRecord, kWeight, kBias, kResidual, kPositionWeights, kDYSecond };
  enum Output { kDX, kDResidual, kDWeight, kDBias };

  explicit NormGradient(const NormAttributes& attributes) : norm_(attributes) {}

  const NormAttributes& norm() const { return norm_; }

  std::string_view type() const override;
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;

 private:
  NormAttributes norm_;
};

/// y of a Norm once more, by what its record knows of the statistics. Inputs are those of the Norm.
/// The planner puts it into graphs where y is not kept; it has no gradient.
class NormRepeat final : public Operation {
 public:
  enum Input { kX, kRecord, kWeight, kBias, kResidual };

  explicit NormRepeat(const NormAttributes& attributes) : norm_(attributes) {}

  const NormAttributes& norm() const { return norm_; }

  std::string_view type() const override;
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;

 private:
  NormAttributes norm_;
};

/// Whether a normalization's node has weight or bias, and neither is trained.
bool is_frozen(const Graph& graph, const Node& norm);

/// Whether the gradient recomputes z from the residual; else the record stands in for it.
bool gradient_reads_residual(Activation activation);

}  // namespace equipoise
