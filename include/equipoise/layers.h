#pragma once

/// Normalization layers with state: the functions of norm.h, together with the parameters,
/// gradients, record and workspace that they need.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "equipoise/communicator.h"
#include "equipoise/export.h"
#include "equipoise/norm.h"
#include "equipoise/running_statistics.h"
#include "equipoise/tensor.h"

namespace equipoise {

/// Whether a layer has a weight (γ), or a bias (β), at all.
enum class Parameter : std::uint8_t { kPresent, kAbsent };

/// Whether weight and bias are trained. Frozen ones still scale and shift, but the backward
/// computes no gradients for them and the gradients' spans are empty.
enum class Affine : std::uint8_t { kTrained, kFrozen };

/// A part of a layer's state: its name in PyTorch's state_dict, and where it lives.
struct StateView {
  std::string_view name;
  std::variant<std::span<float>, std::span<std::int64_t>> values;
};

/// The same to read from.
struct ConstStateView {
  std::string_view name;
  std::variant<std::span<const float>, std::span<const std::int64_t>> values;
};

/// What a forward may be given besides x and y; see NormForward.
struct ForwardOptions {
  ConstTensorView residual = {};
  std::span<const float> position_weights = {};
  std::span<Moments> sample_moments = {};
  /// Batch normalization with running statistics: compute the moments of the batch nevertheless,
  /// for `record()` and sample_moments; nothing is staged because of it. With a communicator, all
  /// ranks alike. Without effect otherwise.
  bool collect_moments = false;
};

/// What a backward may be given besides x, dy and dx; see NormBackward. The residual and the
/// position weights are those of the forward.
struct BackwardOptions {
  ConstTensorView dy_second = {};
  TensorView dresidual = {};
  ConstTensorView residual = {};
  std::span<const float> position_weights = {};
};

/// What all normalization layers have in common: y = act(γ·x̂ + β [+ residual]) with layer-specific
/// x̂.
///
/// A layer owns γ (`weight`, initially 1) and β (`bias`, initially 0) in f32, each of which may be
/// absent, and their gradients. Nothing is learned here: read `weight_gradient()`, write
/// `weight()`. Errors name the layer.
///
/// Thread safety: one thread at a time, unless all of them only call const members. A layer that
/// was moved from may only be assigned to or destroyed.
class EQUIPOISE_API NormLayer {
 public:
  virtual ~NormLayer();

  const std::string& name() const { return name_; }
  double epsilon() const { return epsilon_; }
  Activation activation() const { return activation_; }
  float negative_slope() const { return negative_slope_; }

  /// Empty where absent.
  std::span<float> weight() { return weight_; }
  std::span<float> bias() { return bias_; }
  std::span<const float> weight() const { return weight_; }
  std::span<const float> bias() const { return bias_; }

  Affine affine() const { return affine_; }
  void set_affine(Affine affine) { affine_ = affine; }

  /// Overwritten (not added to) by every backward. Empty where absent or frozen.
  [[nodiscard]] std::span<float> weight_gradient();
  [[nodiscard]] std::span<float> bias_gradient();
  [[nodiscard]] std::span<const float> weight_gradient() const;
  [[nodiscard]] std::span<const float> bias_gradient() const;

  /// y = act(normalize(x) + residual), and the record that the backward needs. After a forward with
  /// y in the memory of x, or of a residual that the backward would read, a backward is refused.
  /// Throws Error for arguments that do not fit the layer or each other; then nothing has changed,
  /// but for the one error that is found after the ranks' exchange
  /// (BatchNormOptions::communicator). After that one, and after whatever `all_gather` throws, a
  /// backward is refused and nothing has been staged.
  void forward(const ConstTensorView& x, const TensorView& y, const ForwardOptions& options = {});

  /// Gradients with respect to x (dx; none if it is a default view), the residual, and weight and
  /// bias unless frozen. REQUIRES: the last forward was of this x. Throws Error without such a
  /// forward or for arguments that do not fit; then nothing has changed. What `all_gather` throws
  /// may find dresidual written.
  void backward(const ConstTensorView& x, const ConstTensorView& dy, const TensorView& dx,
                const BackwardOptions& options = {});

  /// Statistics of the last forward.
  [[nodiscard]] const NormRecord& record() const { return record_; }

  /// Everything that a checkpoint holds, under PyTorch's names: `weight`, `bias` (where present),
  /// and of batch normalization `running_mean`, `running_var`, `num_batches_tracked`. Views, to be
  /// read or written; valid until the layer is moved or ends.
  [[nodiscard]] std::vector<StateView> state();
  [[nodiscard]] std::vector<ConstStateView> state() const;

  /// Copies all of the state from elsewhere. Throws Error for a part that is missing, unknown,
  /// given twice, of another size or type, or for a negative number of batches; then nothing has
  /// changed. `num_batches_tracked` may be missing, as in checkpoints of PyTorch before 0.4.1: it
  /// is 0 then. Statistics that are staged belong to the state before and are discarded.
  void load_state(std::span<const ConstStateView> source);

 protected:
  /// Of the configuration of one of the layers below, the only ones that derive from this;
  /// `parameters`: elements of weight and bias, if present.
  template <class LayerConfig>
  NormLayer(const LayerConfig& config, std::int64_t parameters);
  NormLayer(NormLayer&&) noexcept;
  NormLayer& operator=(NormLayer&&) noexcept;

 private:
  /// Throws Error if x does not fit the layer.
  virtual void check(const ConstTensorView& x) const = 0;
  /// Calls the function of norm.h.
  virtual void normalize(const NormForward& arguments, bool collect_moments,
                         NormRecord& record) = 0;
  /// Appends what the layer's state has besides weight and bias.
  virtual void append_state(std::vector<StateView>& state);
  virtual void append_state(std::vector<ConstStateView>& state) const;
  /// Forgets what belongs to the state that another one has replaced.
  virtual void state_loaded();

  std::string name_;
  double epsilon_;
  Activation activation_;
  float negative_slope_;
  Affine affine_ = Affine::kTrained;
  std::vector<float> weight_;
  std::vector<float> bias_;
  std::vector<float> weight_gradient_;
  std::vector<float> bias_gradient_;
  NormRecord record_;
  Workspace workspace_;
  bool has_record_ = false;
};

/// Whether a forward stages statistics of its batch.
enum class RunningUpdate : std::uint8_t { kStage, kOff };

/// The four independent switches of batch normalization; to be set, those that are given.
struct BatchNormSwitches {
  /// Which statistics normalize; at first kBatch. Renormalization applies to kBatch alone.
  std::optional<Statistics> statistics = std::nullopt;
  /// Whether the running averages learn from this batch, whichever statistics normalize it; at
  /// first kStage.
  std::optional<RunningUpdate> running_update = std::nullopt;
  /// Whether weight and bias are trained; at first kTrained.
  std::optional<Affine> affine = std::nullopt;
  /// How the running averages are taken; at first as configured.
  std::optional<Averaging> averaging = std::nullopt;

  bool operator==(const BatchNormSwitches&) const = default;
};

struct BatchNormConfig {
  std::int64_t channels = 0;
  double epsilon = 1e-5;
  /// The weight of the new value in the running averages, as in PyTorch.
  double momentum = 0.1;
  Averaging averaging = Averaging::kMomentum;
  /// For Averaging::kWindowed.
  std::int64_t window = 100;
  /// Which variance of a batch the running one averages. (Normalization uses the biased one in any
  /// case.)
  VarianceEstimate variance = VarianceEstimate::kUnbiased;
  Parameter weight = Parameter::kPresent;
  Parameter bias = Parameter::kPresent;
  Activation activation = Activation::kNone;
  float negative_slope = 0.01F;
  /// N of Statistics::kBlend, > 0.
  double pseudo_count = 16;
  /// Samples that share statistics in training, the last ones perhaps fewer; 0: all of the batch.
  /// Not with a communicator.
  std::int64_t ghost_batch_size = 0;
  std::optional<Renorm> renorm = std::nullopt;
  /// Statistics over the batches of all its ranks; has to outlive the layer.
  Communicator* communicator = nullptr;
  std::string name = "batch_norm";
};

/// Batch normalization (Ioffe & Szegedy 2015) of (N, C, …), with running averages as a transaction.
///
///     BatchNorm bn({.channels = 64, .momentum = 0.1, .activation = Activation::kRelu});
///     bn.forward(x, y);  …  bn.backward(x, dy, dx);
///     if (step_is_good) bn.commit(); else bn.discard();
///
/// It starts in training mode. A forward *stages* the statistics of its batch (of each ghost batch,
/// in order; over all ranks, with a communicator) if `running_update` says so; only `commit`
/// changes the running averages. Every forward in training therefore needs a commit or a discard
/// before the next step.
///
/// Thread safety: one thread at a time, unless all of them only call const members.
class EQUIPOISE_API BatchNorm final : public NormLayer {
 public:
  /// Throws Error for channels < 1, ε that is not finite or ≤ 0, a momentum outside [0, 1], a
  /// window < 1, a pseudo-count that is not finite or ≤ 0, a negative ghost batch size, ghost
  /// batches together with a communicator, r_max < 1 or d_max < 0 or either not finite.
  explicit BatchNorm(const BatchNormConfig& config);

  std::int64_t channels() const { return running_.channels(); }

  /// For a schedule: Ioffe lets r_max grow from 1 and d_max from 0, where renormalization is none,
  /// while the running averages are young. Throws Error as the constructor does.
  void set_renorm(const std::optional<Renorm>& renorm);
  const std::optional<Renorm>& renorm() const { return renorm_; }

  /// All of them.
  [[nodiscard]] BatchNormSwitches switches() const;
  /// Those that are given; the others stay as they are.
  void set_switches(const BatchNormSwitches& switches);

  /// Presets of two of the switches: statistics of the batch, and staged; or running ones, and
  /// nothing staged. Affine and averaging stay as they are.
  void train();
  void eval();

  /// Also for `commit_together`.
  RunningStatistics& running_statistics() { return running_; }
  const RunningStatistics& running_statistics() const { return running_; }

  /// Those of the running statistics.
  void commit() { running_.commit(); }
  void discard() { running_.discard(); }

 private:
  void check(const ConstTensorView& x) const override;
  void normalize(const NormForward& arguments, bool collect_moments, NormRecord& record) override;
  void append_state(std::vector<StateView>& state) override;
  void append_state(std::vector<ConstStateView>& state) const override;
  void state_loaded() override;

  RunningStatistics running_;
  Statistics statistics_ = Statistics::kBatch;
  RunningUpdate running_update_ = RunningUpdate::kStage;
  double pseudo_count_;
  std::int64_t ghost_batch_size_;
  std::optional<Renorm> renorm_;
  Communicator* communicator_;
};

struct InstanceNormConfig {
  std::int64_t channels = 0;
  double epsilon = 1e-5;
  Parameter weight = Parameter::kAbsent;
  Parameter bias = Parameter::kAbsent;
  Activation activation = Activation::kNone;
  float negative_slope = 0.01F;
  std::string name = "instance_norm";
};

/// Instance normalization (Ulyanov et al. 2016) of (N, C, …): statistics of each sample and
/// channel. As in PyTorch, without weight and bias unless asked for. Thread safety: one thread at a
/// time, unless all of them only call const members.
class EQUIPOISE_API InstanceNorm final : public NormLayer {
 public:
  /// Throws Error for channels < 1 or ε that is not finite or ≤ 0.
  explicit InstanceNorm(const InstanceNormConfig& config);

  std::int64_t channels() const { return channels_; }

 private:
  void check(const ConstTensorView& x) const override;
  void normalize(const NormForward& arguments, bool collect_moments, NormRecord& record) override;

  std::int64_t channels_;
};

struct GroupNormConfig {
  std::int64_t channels = 0;
  std::int64_t groups = 32;
  double epsilon = 1e-5;
  Parameter weight = Parameter::kPresent;
  Parameter bias = Parameter::kPresent;
  Activation activation = Activation::kNone;
  float negative_slope = 0.01F;
  std::string name = "group_norm";
};

/// Group normalization (Wu & He 2018) of (N, C, …): statistics of each sample and group of C/groups
/// consecutive channels. Thread safety: one thread at a time, unless all of them only call const
/// members.
class EQUIPOISE_API GroupNorm final : public NormLayer {
 public:
  /// Throws Error for channels < 1, groups that do not divide them, or ε that is not finite or ≤ 0.
  explicit GroupNorm(const GroupNormConfig& config);

  std::int64_t channels() const { return channels_; }
  std::int64_t groups() const { return groups_; }

 private:
  void check(const ConstTensorView& x) const override;
  void normalize(const NormForward& arguments, bool collect_moments, NormRecord& record) override;

  std::int64_t channels_;
  std::int64_t groups_;
};

struct LayerNormConfig {
  /// Sizes of the dimensions that are normalized over, the last ones of x as in PyTorch; with
  /// kChannels, {C}. Weight and bias have this shape.
  std::vector<std::int64_t> normalized_shape = {};
  NormalizedOver over = NormalizedOver::kTrailingDimensions;
  double epsilon = 1e-5;
  Parameter weight = Parameter::kPresent;
  Parameter bias = Parameter::kPresent;
  Activation activation = Activation::kNone;
  float negative_slope = 0.01F;
  std::string name = "layer_norm";
};

/// Layer normalization (Ba et al. 2016), over trailing dimensions or over the channels of each
/// position. Thread safety: one thread at a time, unless all of them only call const members.
class EQUIPOISE_API LayerNorm final : public NormLayer {
 public:
  /// Throws Error for a normalized shape that is empty, has a dimension < 1 or more than one with
  /// kChannels, or ε that is not finite or ≤ 0.
  explicit LayerNorm(const LayerNormConfig& config);

  std::span<const std::int64_t> normalized_shape() const { return normalized_shape_; }
  NormalizedOver over() const { return over_; }

 private:
  void check(const ConstTensorView& x) const override;
  void normalize(const NormForward& arguments, bool collect_moments, NormRecord& record) override;

  std::vector<std::int64_t> normalized_shape_;
  NormalizedOver over_;
};

struct RmsNormConfig {
  /// As that of layer normalization.
  std::vector<std::int64_t> normalized_shape = {};
  NormalizedOver over = NormalizedOver::kTrailingDimensions;
  double epsilon = 1e-5;
  Parameter weight = Parameter::kPresent;
  Parameter bias = Parameter::kAbsent;
  Activation activation = Activation::kNone;
  float negative_slope = 0.01F;
  std::string name = "rms_norm";
};

/// RMS normalization (Zhang & Sennrich 2019): as layer normalization with the mean taken as 0.
/// Thread safety: one thread at a time, unless all of them only call const members.
class EQUIPOISE_API RmsNorm final : public NormLayer {
 public:
  /// Throws Error as LayerNorm does.
  explicit RmsNorm(const RmsNormConfig& config);

  std::span<const std::int64_t> normalized_shape() const { return normalized_shape_; }
  NormalizedOver over() const { return over_; }

 private:
  void check(const ConstTensorView& x) const override;
  void normalize(const NormForward& arguments, bool collect_moments, NormRecord& record) override;

  std::vector<std::int64_t> normalized_shape_;
  NormalizedOver over_;
};

}  // namespace equipoise
