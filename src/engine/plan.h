#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "engine/format.h"
#include "engine/implementation.h"
#include "engine/sweep.h"
#include "equipoise/graph.h"
#include "equipoise/norm_summary.h"
#include "equipoise/plan_report.h"
#include "equipoise/session.h"

namespace equipoise::engine {

enum class Place : std::uint8_t {
  kArena,     ///< at an offset of the context's
  kPrepared,  ///< kept with the state: what was computed from it
  kState,     ///< a parameter or buffer, or an update of one
  kInput,     ///< the caller's
  kConstant,  ///< at an offset of the plan's constants
  kNorm,      ///< a record: the slot of a normalization
};

/// What becomes of batch normalizations with running statistics in inference.
enum class NormsAre : std::uint8_t {
  kFolded,      ///< a part of the weights before them, where possible
  kSwitchable,  ///< nodes that a context can set, and NaN comes through
};

/// What an update goes by.
enum class UpdatesBy : std::uint8_t {
  kGradients,      ///< of the batch of the plan
  kMeanGradients,  ///< of several batches: the plan averages its gradients with those before
};

using Homes = std::map<std::string, Format, std::less<>>;

struct PlannedTensor {
  Shape shape = {};
  Format format = {};
  std::size_t bytes = 0;
  Place place = Place::kArena;
  std::size_t offset = 0;
  /// Of kState: the tensor's name in the State. Of kPrepared: how it is computed from the state.
  /// Of kNorm: the slot.
  std::string state = {};
  int norm = -1;
  /// The tensor whose memory it shares, or −1.
  int root = -1;
};

struct PlannedNorm {
  std::string node;
  NormKind kind = NormKind::kBatch;
  std::int64_t channels = 0;
  /// The name of its running_mean; empty without.
  std::string running = {};
};

struct Step {
  std::string implementation = {};
  std::string detail = {};
  std::unique_ptr<const Kernel> kernel = nullptr;  ///< null: nothing to do
  std::vector<std::pair<int, int>> in_place = {};
  bool alias = false;
  std::size_t scratch_bytes = 0;
  std::size_t scratch_offset = 0;
  std::vector<DeclinedImplementation> declined = {};
  int norm = -1;
};

/// A node of the model that no step computes: which node has its result, or why none has.
struct RemovedNode {
  std::string name;
  std::string by = {};
  std::string why = {};
};

/// What a graph was compiled to. Immutable once made.
struct Plan {
  Mode mode = Mode::kInference;
  std::int64_t batch = 0;
  int threads = 1;
  NormsAre norms_are = NormsAre::kFolded;
  UpdatesBy updates_by = UpdatesBy::kGradients;
  /// Behind all passes; one step per node, in order.
  Graph graph;
  std::vector<Step> steps;
  std::vector<PlannedTensor> tensors;
  /// What a run gives back, by the names of the model's graph.
  struct Output {
    std::string name;
    TensorId tensor;
  };
  std::vector<Output> outputs;
  std::vector<RemovedNode> removed;
  /// Steps that read nothing but the state: they run when it has changed.
  std::size_t prepared_steps = 0;
  /// The step after which the gate decides, the tensors it looks at; in training with gradients.
  int gate_step = -1;
  TensorId gradient_norm = {};
  TensorId loss = {};
  /// Name of the input that holds the learning rate.
  std::string rate_input = {};
  /// Of that which gradients are multiplied with.
  std::string scale_input = {};
  /// Of that which holds the share that the batch has in the mean gradients; empty without.
  std::string share_input = {};
  /// Of that which holds the weight of the new parameters in their averages; empty without.
  std::string ema_weight_input = {};
  /// Of the input that holds the number of the update, from 1; empty if the optimizer needs none.
  std::string count_input = {};
  /// In the order of steps.
  std::vector<Sweep> sweeps;
  std::vector<PlannedNorm> norms;
  /// In which the state keeps parameters and buffers, by name: as earlier plans of the session have
  /// chosen, then this one for those that were not in it.
  Homes homes;
  std::size_t arena_bytes = 0;
  AlignedBuffer constants;
  std::vector<PassReport> passes;
};

/// A node of the plan as implementations see it; inputs are row-major.
NodeContext context_of(const Plan& plan, const Node& node);

}  // namespace equipoise::engine
