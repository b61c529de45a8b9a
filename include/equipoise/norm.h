#pragma once

/// Normalization of activations in somebody's buffers: batch, ghost, instance, group, layer and
/// RMS, each with the addition of a residual and an activation fused after it, forward and
/// backward.
///
/// All of them are moments and an affine map. Elements are partitioned into *statistic groups*;
/// with the mean μ and the biased variance σ² of its group, an element x of channel c becomes
///
///     x̂ = (x − μ) / √(σ² + ε)      z = γ_c·x̂ + β_c [+ residual]      y = act(z)
///
/// Every function checks its arguments before it writes anything and throws Error if they do not
/// fit; one error of batch normalization over ranks is found later
/// (BatchNormOptions::communicator). Leave out an optional tensor by a default view; a view with a
/// shape needs data, unless it has no elements. All may be called from several threads at once on
/// different workspaces; a record belongs to one forward at a time, or to any number of backwards
/// and repeats, which only read it. Results are the same bits for any number of threads; they may
/// differ between instruction sets by rounding.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "equipoise/communicator.h"
#include "equipoise/export.h"
#include "equipoise/tensor.h"

namespace equipoise {

namespace norm {
struct Internals;  // the library's own way in to Workspace and NormRecord
}  // namespace norm

enum class Activation : std::uint8_t {
  kNone,
  kRelu,       ///< max(z, 0)
  kRelu6,      ///< min(max(z, 0), 6)
  kLeakyRelu,  ///< z if z > 0, else negative_slope·z
  kSilu,       ///< z / (1 + e^−z), also called swish
  kSigmoid,    ///< 1 / (1 + e^−z)
  kTanh,
  kHardSwish,  ///< z·min(max(z + 3, 0), 6) / 6 (Howard et al. 2019); slope at −3: 0, at 3: 1
};

[[nodiscard]] EQUIPOISE_API const char* to_string(Activation activation);

/// Weighted count, mean, and weighted sum of squared deviations from the mean.
struct Moments {
  double count = 0;
  double mean = 0;
  double m2 = 0;

  /// m2 / count: biased, as normalization uses it. 0 for an empty group.
  [[nodiscard]] double variance() const { return count > 0 ? m2 / count : 0; }
  /// m2 / (count − 1): unbiased, as PyTorch keeps it in `running_var`. Infinite or NaN where count
  /// ≤ 1.
  [[nodiscard]] double unbiased_variance() const { return m2 / (count - 1); }
};

/// The moments of the union of two disjoint sets (Chan, Golub & LeVeque 1983, eq. 2.1).
[[nodiscard]] EQUIPOISE_API Moments merge(const Moments& a, const Moments& b);

/// Which elements share statistics: blocks of `samples` consecutive samples × `channels`
/// consecutive channels, all positions. Groups are numbered sample block first: g =
/// ⌊n/samples⌋·(C/channels) + ⌊c/channels⌋. The last block of samples may be smaller; `channels`
/// divides C; one of the two is 1.
///
/// - batch normalization: {N, 1}; with ghost batches of B samples: {B, 1}
/// - instance normalization: {1, 1}; group normalization with G groups: {1, C/G}
struct Partition {
  std::int64_t samples = 1;
  std::int64_t channels = 1;
};

/// Memory for intermediate results that grows to what the largest call needs and is reused by the
/// next. For one call at a time. One that was moved from may only be assigned to or destroyed.
class EQUIPOISE_API Workspace {
 public:
  Workspace();
  ~Workspace();
  Workspace(Workspace&&) noexcept;
  Workspace& operator=(Workspace&&) noexcept;

  /// Bytes held.
  [[nodiscard]] std::size_t capacity() const;

  struct Arena;

 private:
  friend struct norm::Internals;
  std::unique_ptr<Arena> arena_;
};

/// Moments of every statistic group of x; one pass over x, in tiles of f32 sums around a shift,
/// merged in f64. Relative error of the variance below 1e-3 for |mean| up to 1e5 standard
/// deviations of the stored values.
///
/// Throws Error for an x without the dimensions (N, C), without data, misaligned, or of an unknown
/// layout or dtype; a partition that Partition does not allow; weights of another number than N·S,
/// negative or not finite; an `out` of another size, or that overlaps x or the weights.
/// @param position_weights weight ≥ 0 of position (n, s) at [n·S + s]; empty: 1 each. A position
///     of weight 0 is not looked at: it may hold NaN.
/// @param out one entry per group.
EQUIPOISE_API void moments(const ConstTensorView& x, Partition partition,
                           std::span<const float> position_weights, std::span<Moments> out,
                           Workspace* workspace = nullptr);

/// Where batch normalization takes the statistics that it normalizes with.
enum class Statistics : std::uint8_t {
  kBatch,    ///< those of the batch (training)
  kRunning,  ///< running averages, constants to the gradient (inference; frozen layers)
  kBlend,  ///< (N·running + n·batch)/(N + n) of mean and (biased) variance, N the pseudo-count, n
           ///< the samples in the batch (in the ghost batch; of all ranks) with a position of
           ///< non-zero weight (Schneider et al. 2020, eq. 2)
};

[[nodiscard]] EQUIPOISE_API const char* to_string(Statistics statistics);

/// Batch renormalization (Ioffe 2017): x̂ = r·(x − μ_B)/σ_B + d with r = σ_B/σ clipped to [1/r_max,
/// r_max] and d = (μ_B − μ)/σ clipped to [−d_max, d_max], both constants to the gradient; μ, σ the
/// running ones, ε inside both σ.
struct Renorm {
  double r_max = 3;
  double d_max = 5;
};

/// How batch normalization obtains its statistics.
struct BatchNormOptions {
  Statistics statistics = Statistics::kBatch;
  /// One per channel; needed for kRunning, kBlend and renorm.
  std::span<const float> running_mean = {};
  std::span<const float> running_var = {};
  /// N of kBlend, > 0.
  double pseudo_count = 16;
  /// Samples that share statistics (Hoffer et al. 2017); 0: the whole batch. The last ghost batch
  /// holds what is left over, so it may be smaller: of (33, C) in ghost batches of 32 it has one
  /// value per channel, which is an error with kBatch.
  std::int64_t ghost_batch_size = 0;
  /// With kBatch only.
  std::optional<Renorm> renorm = {};
  /// Statistics over the batches of all its ranks, of any size, also empty; not with ghost batches.
  /// The backward sums over ranks what dx needs, so every rank calls it, also one that wants no dx;
  /// dweight and dbias stay this rank's share, to be summed with the other gradients; dx is that of
  /// the sum of the ranks' losses. With kRunning the backward exchanges nothing, and the forward
  /// only if `collect_moments`. The record keeps this pointer until its next forward: the
  /// communicator has to outlive the record's last backward.
  ///
  /// Arguments are checked before the exchange: a rank whose arguments are refused does not take
  /// part, and the others wait for it in `all_gather` (Communicator says what to do).
  ///
  /// That all ranks together have at most one position of non-zero weight, too few for kBatch, is
  /// found after their exchange, on each of them. This one Error has changed something: the record
  /// is empty, whatever it held before (a backward refuses it), and sample_moments are written; y
  /// is not. What `all_gather` throws, perhaps an Error too, passes through: a forward leaves the
  /// same; a backward has by then written dresidual, which may be the memory of dy, but not dx,
  /// dweight or dbias, and may be called again if dy is still there.
  Communicator* communicator = nullptr;
  /// With kRunning: compute the moments of the batch nevertheless (to update the running ones, or
  /// to compare).
  bool collect_moments = false;
};

/// What shares statistics in layer and RMS normalization.
enum class NormalizedOver : std::uint8_t {
  kTrailingDimensions,  ///< the elements of the last dimensions of a sample; weight and bias have
                        ///< their product of elements, in row-major order
  kChannels,            ///< the channels of a position (LayerNorm2d of ConvNeXt); weight and bias
                        ///< have C elements
};

/// `{.trailing = 2}`, or `{.over = NormalizedOver::kChannels}`. It has to be said which:
/// `LayerAxes{}` is an error.
struct LayerAxes {
  NormalizedOver over = NormalizedOver::kTrailingDimensions;
  /// Number of trailing dimensions, 1 … rank − 1; with kChannels, 0.
  int trailing = 0;
};

/// Arguments of a forward. x, y and the residual have one shape, layout and dtype.
struct NormForward {
  ConstTensorView x;
  /// May be the memory of x if neither a backward nor norm_repeat follows, and that of the residual
  /// if no norm_repeat follows and no backward that needs it (NormBackward::residual): they would
  /// read y there, which a function cannot see. Overlaps nothing else that is read or written.
  TensorView y;
  /// γ and β, f32, one per channel, or per element of the trailing dimensions that layer and RMS
  /// normalization are over; empty: 1 and 0.
  std::span<const float> weight = {};
  std::span<const float> bias = {};
  double epsilon = 1e-5;
  Activation activation = Activation::kNone;
  /// For kLeakyRelu only.
  float negative_slope = 0.01F;
  /// Added before the activation; none by default.
  ConstTensorView residual = {};
  /// Weight ≥ 0 of position (n, s) at [n·S + s] in the statistics; empty: 1 each. Padding has
  /// weight 0: it does not count, whatever it holds, and is normalized like the rest; in instance
  /// and group normalization, a group of nothing else with mean 0 and variance 0. Batch, instance
  /// and group normalization only.
  std::span<const float> position_weights = {};
  /// If not empty, receives the moments of every (n, c) at [n·C + c]; memory of its own. They are
  /// computed beside the groups': from the cache where a unit of work fits it, else with one more
  /// read of x. Not with kRunning, unless moments are collected; batch, instance and group
  /// normalization only.
  std::span<Moments> sample_moments = {};
  Workspace* workspace = nullptr;
};

/// What a forward leaves for its backward and for whoever wants to look: statistics per group, and
/// where a residual precedes a ReLU, ReLU6 or leaky ReLU, one bit per element. Reused by the next
/// forward that it is given to; allocates only to grow. Backwards and repeats only read it: several
/// threads may share one, each with a workspace of its own (no backwards with a communicator). One
/// that was moved from may only be assigned to or destroyed.
class EQUIPOISE_API NormRecord {
 public:
  NormRecord();
  ~NormRecord();
  NormRecord(NormRecord&&) noexcept;
  NormRecord& operator=(NormRecord&&) noexcept;

  /// Mean and 1/√(variance + ε) that normalized each group. Groups are numbered as Partition says;
  /// those of layer and RMS normalization row-major over the dimensions that are not normalized
  /// over (of kChannels, n·S + s).
  [[nodiscard]] std::span<const double> mean() const;
  [[nodiscard]] std::span<const double> rstd() const;
  /// Moments of the batch per group, over all ranks. Empty if none were computed, and after layer
  /// and RMS normalization, which keep mean and rstd alone.
  [[nodiscard]] std::span<const Moments> moments() const;

  struct State;

 private:
  friend struct norm::Internals;
  std::unique_ptr<State> state_;
};

/// Arguments of a backward. x, residual, weight, bias and position_weights are those of the
/// forward, unchanged; all tensors have the shape, layout and dtype of x.
///
/// With dz = dy·act'(z), x̂ = (x − μ)·rstd by the μ and rstd of the record, p the weight of a
/// position, W the sum of those of its group and μ_B the mean of the group in the batch:
///
///     dbias = Σ dz      dweight = Σ dz·(r·x̂ + d)      dresidual = dz
///     dx = γ·r·rstd·dz − κ·(p/W)·rstd·[Σ γ·r·dz + (x − μ_B)·rstd·Σ γ·r·dz·x̂]
///
/// r and d are those of renormalization, else 1 and 0. κ is the share of the batch in the
/// statistics: 1 for its own, n/(N + n) for blended, 0 for running ones. RMS normalization has
/// μ = μ_B = 0 and only the second of the two sums in the bracket. The sums take dz at every
/// position, also of weight 0: where padding is to be without effect, dy has to be 0 there.
struct NormBackward {
  ConstTensorView x;
  ConstTensorView dy;
  /// Added to dy, where y went to two consumers; none by default.
  ConstTensorView dy_second = {};
  /// May be the memory of dy; otherwise, as all that is written, memory of its own. None: not
  /// computed.
  TensorView dx = {};
  /// Receives dz; may be the memory of dy. None: not computed.
  TensorView dresidual = {};
  /// Needed if the forward had one and the activation is SiLU, sigmoid, tanh or hard-swish; else
  /// not read.
  ConstTensorView residual = {};
  /// Those of the forward, also where the activation does not need the bias.
  std::span<const float> weight = {};
  std::span<const float> bias = {};
  std::span<const float> position_weights = {};
  /// Overwritten. Empty: not computed.
  std::span<float> dweight = {};
  std::span<float> dbias = {};
  Workspace* workspace = nullptr;
};

/// Batch normalization (Ioffe & Szegedy 2015, algorithm 1) of (N, C, …): statistics per channel
/// over all samples and positions. The record may be null with kRunning, unless moments are
/// collected.
///
/// Throws Error, as all forwards do, for tensors that lack the dimensions (N, C) or data, are
/// misaligned or differ in shape, layout or dtype; results that overlap otherwise than NormForward
/// allows; weight, bias, position_weights or sample_moments of the wrong size; weights of positions
/// that are negative or not finite; ε that is not finite or ≤ 0. Besides, if `statistics` is kBatch
/// and the batch (that of all ranks together), or a ghost batch, has at most one position (n, s) of
/// non-zero weight; for running statistics that are needed and missing, or of a negative variance;
/// for options that are out of range or exclude each other; for a record or moments that are needed
/// and missing.
EQUIPOISE_API void batch_norm(const NormForward& arguments, const BatchNormOptions& options,
                              NormRecord* record);

/// Instance normalization (Ulyanov et al. 2016): statistics per sample and channel. Here and below,
/// the record may be null where no backward follows; a group of one value is normalized to 0.
/// Throws Error as all forwards do.
EQUIPOISE_API void instance_norm(const NormForward& arguments, NormRecord* record);

/// Group normalization (Wu & He 2018): statistics per sample and group of C/groups consecutive
/// channels. With one group it is what is called layer normalization in CNNs; with masks, padding
/// does not count. Throws Error as all forwards do, and for groups < 1 or that do not divide C.
EQUIPOISE_API void group_norm(const NormForward& arguments, std::int64_t groups,
                              NormRecord* record);

/// Layer normalization (Ba et al. 2016). Throws Error as all forwards do, for axes that are not
/// said or leave no sample, and for position_weights or sample_moments.
EQUIPOISE_API void layer_norm(const NormForward& arguments, LayerAxes axes, NormRecord* record);

/// RMS normalization (Zhang & Sennrich 2019): as layer normalization with the mean taken as 0:
/// x̂ = x/√(mean(x²) + ε).
EQUIPOISE_API void rms_norm(const NormForward& arguments, LayerAxes axes, NormRecord* record);

/// y of any of them once more, the same bits, by the statistics in the record that the forward
/// filled: x is read once. Give the forward's arguments, with any y; epsilon, activation and
/// negative_slope are taken from the record, position_weights and sample_moments are not used.
///
/// Throws Error as forwards do for what it uses, and for a record that no forward has filled, an x
/// of another shape, layout or dtype than the forward's, a weight, bias or residual where it had
/// none, or none where it had one.
EQUIPOISE_API void norm_repeat(const NormForward& arguments, const NormRecord& record);

/// The gradient of any of them: `record` is what the forward filled. With a communicator, every
/// rank calls it.
///
/// Throws Error for a record that no forward has filled; an x of another shape, layout or dtype
/// than the forward's; other tensors that differ from x in these, lack data or are misaligned;
/// results that overlap otherwise than NormBackward allows; a residual that is needed and missing;
/// weight, bias, dweight or dbias of the wrong size; position_weights that a forward would refuse;
/// a weight, bias or position_weights where the forward had none, or none where it had some.
EQUIPOISE_API void norm_backward(const NormBackward& arguments, const NormRecord& record);

}  // namespace equipoise
