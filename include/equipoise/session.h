#pragma once

/// Runs a graph: compiles it for a batch size and a mode, and keeps what lives between runs.
///
///     Session session(graph, {.optimizer = ops::SgdOptions{.momentum = 0.9}});
///     session.train({{"image", images}, {"labels", labels}}, {.rate = 0.1});
///     const Results results = session.run({{"image", images}});
///     results.view("logits");
///
/// A *plan* is what a graph was compiled to: immutable, for one batch size, mode and number of
/// threads. A *State* holds parameters, buffers and running statistics, a *Context* the memory of
/// intermediate results.

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "equipoise/communicator.h"
#include "equipoise/export.h"
#include "equipoise/graph.h"
#include "equipoise/layers.h"
#include "equipoise/norm.h"
#include "equipoise/operations.h"
#include "equipoise/running_statistics.h"
#include "equipoise/tensor.h"

namespace equipoise {

struct PlanReport;
class Timings;

namespace engine {
struct BoundPlan;
struct ContextMemory;
struct ResultTable;
}  // namespace engine

enum class Mode : std::uint8_t {
  kTraining,   ///< statistics of the batch, dropout; gradients, gate, update
  kInference,  ///< running statistics, no updates; what only training needs is left out
};

[[nodiscard]] EQUIPOISE_API const char* to_string(Mode mode);

/// What training keeps of its forward for the backward.
enum class MemoryMode : std::uint8_t {
  kDefault,  ///< whatever the backward reads
  /// Results of normalizations, with what is fused into them, are dropped where that makes the peak
  /// smaller, and computed again before the backward reads them: the same bits in less memory and
  /// some more time.
  kLean,
};

[[nodiscard]] EQUIPOISE_API const char* to_string(MemoryMode memory);

/// Everything that a graph keeps between runs, by PyTorch's names, in row-major order: parameters,
/// buffers, and for each batch normalization `running_mean`, `running_var` and
/// `num_batches_tracked`.
///
/// Thread safety: one thread at a time, also for const members: values that a plan keeps in another
/// form are made row-major when somebody asks. Addresses stay for as long as the State lives.
class EQUIPOISE_API State {
 public:
  /// Fills each tensor as its Initialization says; the same seed and name give the same values.
  ///
  /// Throws Error for batch normalizations whose running statistics are not buffers, or that share
  /// one of a pair but not the other, or update it by different rules; and for more memory than
  /// there is.
  explicit State(const Graph& graph, std::uint64_t seed = 0);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  /// Adds what another graph keeps and this State lacks (the buffers of an optimizer).
  void extend(const Graph& graph);

  [[nodiscard]] bool has(std::string_view name) const;
  /// Row-major. Until the next run with this State: a run may keep parameters in another form, and
  /// does not see what is written to a span from before it. Throws Error, with the nearest names,
  /// if there is none.
  [[nodiscard]] std::span<float> values(std::string_view name);
  [[nodiscard]] std::span<const float> values(std::string_view name) const;
  [[nodiscard]] const Shape& shape(std::string_view name) const;

  /// Of the batch normalization whose buffer `running_mean` is called so; null if there is none.
  [[nodiscard]] RunningStatistics* running_statistics(std::string_view running_mean);

  /// All of it, in the order of the graph; until the next run, as `values`.
  [[nodiscard]] std::vector<StateView> entries();
  [[nodiscard]] std::vector<ConstStateView> entries() const;

  /// Copies what `source` has. Throws Error for a name that is unknown or given twice, or a number
  /// of values or type that differs; then nothing has changed. Statistics that are staged are
  /// discarded.
  void load(std::span<const ConstStateView> source);

 private:
  friend struct engine::ContextMemory;
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// What a normalization does in a run other than its plan says. Unset: as planned. A plan for
/// inference has neither ghost batches nor renormalization, also where it is set to use the batch.
///
/// Instance and group normalization can collect moments; all else is of batch normalization alone.
/// Layer and RMS normalization have nothing to set.
struct NormSettings {
  std::optional<Statistics> statistics = std::nullopt;
  /// Whether statistics of the batch are staged; in inference they are committed by nobody but the
  /// caller (State::running_statistics).
  std::optional<bool> update_running = std::nullopt;
  /// In place of the running ones, one value per channel; empty: the running ones.
  std::vector<float> mean = {};
  std::vector<float> var = {};
  /// Moments of the statistic groups in the batch, also where running statistics normalize; see
  /// Results::moments.
  bool collect_moments = false;
  /// Those of single samples; see Results::sample_moments.
  bool collect_sample_moments = false;
};

/// Memory of intermediate results. For one run at a time; callers that run at the same time have
/// one each.
class EQUIPOISE_API Context {
 public:
  Context();
  ~Context();
  Context(Context&&) noexcept;
  Context& operator=(Context&&) noexcept;

  /// Bytes held: as much as the largest plan needs that has run here and is kept by its session.
  [[nodiscard]] std::size_t capacity() const;

  /// For the runs that follow, by the name of the normalization's node. A run throws Error if its
  /// plan has no such node, one of another kind than the settings are for, or the vectors are not
  /// of one value per channel.
  void set_norm(std::string_view node, NormSettings settings);
  void reset_norms();

 private:
  friend class Session;
  std::unique_ptr<engine::ContextMemory> memory_;
};

/// Results of a run: views into the context, until its next run.
class EQUIPOISE_API Results {
 public:
  /// Row-major. Throws Error, with the names that there are, for another one.
  [[nodiscard]] ConstTensorView view(std::string_view name) const;
  [[nodiscard]] std::span<const float> values(std::string_view name) const;

  /// Moments of x over the elements that share statistics, by the name of the normalization's node:
  /// of batch normalization C of them, over all ranks if it is synchronized (with ghost batches,
  /// which only training has, that of ghost batch b and channel c at [b·C + c]); of instance
  /// normalization N·C, at [n·C + c]; of group normalization with G groups N·G, at [n·G + g].
  ///
  /// There if they were needed or NormSettings::collect_moments is set, else empty.
  [[nodiscard]] std::span<const Moments> moments(std::string_view node) const;
  /// Those of each sample n and channel c, over its positions, at [n·C + c]: of a batch, instance
  /// or group normalization with NormSettings::collect_sample_moments, else empty.
  [[nodiscard]] std::span<const Moments> sample_moments(std::string_view node) const;

 private:
  friend class Session;
  const engine::ResultTable* table_ = nullptr;
};

struct Input {
  std::string_view name;
  ConstTensorView value;
};

/// A view of inputs, such as `{{"image", images}, {"labels", labels}}`; for the call alone.
class Inputs {
 public:
  // NOLINTBEGIN(google-explicit-constructor): an argument of functions, in whichever form it is
  // there
  Inputs(std::initializer_list<Input> inputs) : inputs_(inputs.begin(), inputs.size()) {}
  Inputs(std::span<const Input> inputs) : inputs_(inputs) {}
  Inputs(const std::vector<Input>& inputs) : inputs_(inputs) {}
  // NOLINTEND(google-explicit-constructor)

  auto begin() const { return inputs_.begin(); }
  auto end() const { return inputs_.end(); }

 private:
  std::span<const Input> inputs_;
};

using Optimizer = std::variant<ops::SgdOptions, ops::AdamWOptions>;

/// What a batch normalization does in training if it has weight or bias and neither is trained
/// (Graph::set_frozen).
enum class FrozenNorms : std::uint8_t {
  kRunning,  ///< as in inference: running statistics normalize and stay as they are
  kAsBuilt,  ///< as if it were trained
};

struct SessionOptions {
  /// Layout of images between convolutions; unset: what the machine is fastest with.
  std::optional<Layout> layout = std::nullopt;
  /// Of training plans.
  MemoryMode memory = MemoryMode::kDefault;
  /// Plans by what convolutions and matrix products take on this machine (timings.h), and measures,
  /// for some seconds, what is not in it yet; null: by a fixed order of preference. It has to
  /// outlive the session.
  Timings* timings = nullptr;
  /// Names of passes to leave out (docs/engine.md lists them).
  std::vector<std::string> skip_passes = {};
  /// Tensors to give back besides the graph's outputs; they are computed even if fusion would make
  /// them disappear.
  std::vector<std::string> taps = {};
  /// How training updates parameters; unset: gradients are computed and nothing is updated.
  std::optional<Optimizer> optimizer = std::nullopt;
  /// Whether weight decay is for all parameters. If not, it leaves out weights and biases of
  /// normalizations and every other parameter of at most one dimension (biases).
  bool decay_norms_and_biases = false;
  /// In [0, 1): the state also keeps "<parameter>.ema", an exponential average of each trained
  /// parameter over the updates, its bias corrected as that of Adam's moments (Kingma & Ba 2015,
  /// section 3): behind t updates the parameters of the i-th have the weight ∝ ema_decay^(t − i),
  /// and those from before training none. See Session::average_into.
  std::optional<double> ema_decay = std::nullopt;
  FrozenNorms frozen_norms = FrozenNorms::kRunning;
  /// Names, or patterns of `*` and `?`, of parameters and inputs whose gradients training gives
  /// back too, as "<name>.gradient".
  std::vector<std::string> gradients = {};
  /// The output of one element that training descends.
  std::string loss = "loss";
  /// How many plans the session keeps, ≥ 1: one per mode, batch size and number of threads, and
  /// another where normalizations are set in inference. The one that was not used for the longest
  /// makes room, and contexts give back what they held for it. A plan that is needed again is
  /// compiled again.
  std::int64_t plans = 16;
  /// Of initialization and of dropout.
  std::uint64_t seed = 0;
  /// Of the ranks that train together: for batch normalizations that are synchronized, and for the
  /// gate. Has to outlive the session.
  Communicator* communicator = nullptr;
};

struct RunOptions {
  /// Stops after this node (or the one that it became part of, or that stands for it: of a dropout,
  /// the one before): results hold what was computed. Error for a node that inference leaves out,
  /// with the reason.
  std::string_view until = {};
  /// Memory to use; null: the session's own.
  Context* context = nullptr;
  /// Parameters and buffers to use, such as averaged ones; null: the session's own. It has to have
  /// whatever the graph keeps, in the same shapes.
  State* state = nullptr;
  /// Receives the milliseconds of each step, in the order of `PlanReport::steps`; 0 for those that
  /// did not run.
  std::vector<double>* step_times = nullptr;
};

struct StepOptions {
  /// Learning rate, ≥ 0; needed where there is an optimizer.
  std::optional<float> rate = std::nullopt;
  /// If set, > 0: the optimizer gets gradients times min(1, clip_norm/(gradient_norm + 1e-6)), as
  /// by PyTorch's clip_grad_norm_ (Pascanu et al. 2013, algorithm 1).
  std::optional<float> clip_norm = std::nullopt;
  /// As in RunOptions.
  std::vector<double>* step_times = nullptr;
};

/// What became of a training step.
struct StepResult {
  double loss = 0;
  /// √(Σ g²) over all trained parameters, before clipping.
  double gradient_norm = 0;
  /// Whether the gate opened: the loss, all gradients and all staged statistics were finite, and
  /// parameters, optimizer state and running statistics were updated. If not, nothing has changed.
  bool updated = false;
  /// Why the gate stayed shut, and where: "the loss is NaN; first, the output of 'conv1' is not
  /// finite (3 of 1024 values)". With a communicator, after the number of each rank that objects,
  /// and without where.
  std::string refusal = {};
  /// Of a refused step: the first of all that it read and computed, forward and then backward, that
  /// was not finite. An input, parameter or buffer by its name, a layer's output or a gradient by
  /// the name of its node ("conv1", "conv1.dweight"); a layer whose statistics alone are not. To
  /// find it, a refused step is run a second time. Empty if the gate opened, and over several
  /// ranks.
  std::string first_non_finite = {};
  /// The graph's outputs, and gradients if they are returned.
  Results results;
};

/// Compiles a graph on demand, one plan per batch size and mode, and runs it.
///
/// Results are the same bits for the same seed, inputs, number of threads, plan and instruction
/// set. Thread safety: `run` may be called from several threads at once with a context each (they
/// take turns inside); all else by one thread at a time.
class EQUIPOISE_API Session {
 public:
  /// Throws Error, as `Graph::verify` does, for a graph that does not hold together, an unknown
  /// pass or tap, and parameters, buffers and an optimizer's own that need more memory than there
  /// is.
  explicit Session(Graph graph, SessionOptions options = {});
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  State& state();
  const State& state() const;
  const Graph& graph() const;

  /// Forward in inference. The batch size is that of the inputs; f32 (labels and tokens i32),
  /// row-major. Throws Error for an input that is missing, unknown or does not fit, and for more
  /// memory than there is, before anything runs.
  Results run(Inputs inputs, const RunOptions& options = {});

  /// Forward, backward, gate, update. Throws Error as `run` does; also if a batch normalization has
  /// one value per channel, and between `accumulate` and `update`: then nothing has changed.
  ///
  /// With a communicator every rank calls it, and the gate opens on all of them or on none. If the
  /// call throws on one rank, it throws on all, with the number and the error of that one, and
  /// nothing has changed.
  StepResult train(Inputs inputs, const StepOptions& options = {});

  /// Gradient accumulation: forward and backward of a part of a step's samples. `update` then makes
  /// one update by the mean of all gradients, Σ nᵢ·gᵢ / Σ nᵢ over batches of nᵢ samples: without
  /// batch normalization it is the gradient of the loss over all Σ nᵢ of them. Statistics of batch
  /// normalization are those of each batch alone; new running ones are staged in order and
  /// committed together. Dropout draws other numbers in each.
  ///
  /// A result has the loss and outputs of this batch; gradients that are given back and their norm
  /// are of the mean so far. If a batch is refused, all are: those that follow are not run, and
  /// `update` changes nothing. Throws Error as `train` does, and for a model with updates of its
  /// own; then all that was accumulated is forgotten, on every rank. (Where there is one rank,
  /// inputs that do not fit leave it as it was.)
  StepResult accumulate(Inputs inputs);
  /// The update: `loss` is the mean over all samples, and there are no outputs. Throws Error if
  /// nothing was accumulated.
  StepResult update(const StepOptions& options = {});
  /// Forgets what was accumulated.
  void discard_accumulated();

  /// Whether it averages parameters (SessionOptions::ema_decay).
  [[nodiscard]] bool averages() const;
  /// Fills a State of the graph with averaged parameters in place of the trained ones (which they
  /// are before the first update); all else is as here. Its running statistics are of other
  /// parameters, then: see recalibrate.h. Throws Error if the session does not average.
  void average_into(State& averaged) const;

  /// Batches of training so far, refused ones too: they choose the numbers that dropout draws.
  [[nodiscard]] std::uint64_t steps() const;
  /// For a training that goes on from a checkpoint.
  void set_steps(std::uint64_t steps);

  /// The context that runs use unless they bring their own.
  Context& context();

  /// What was planned: per step implementation, layout, fused parts and bytes, and why other
  /// implementations declined (plan_report.h).
  [[nodiscard]] PlanReport report(Mode mode, std::int64_t batch);
  /// The same as text.
  [[nodiscard]] std::string explain(Mode mode, std::int64_t batch);

  /// Bytes that a context needs for a run.
  [[nodiscard]] std::size_t memory(Mode mode, std::int64_t batch);

 private:
  struct Parts;

  StepResult train_alone(Inputs inputs, const StepOptions& options);
  StepResult accumulate_alone(Inputs inputs);
  static Results collect(engine::BoundPlan& bound, std::size_t steps);

  std::unique_ptr<Parts> parts_;
};

}  // namespace equipoise
