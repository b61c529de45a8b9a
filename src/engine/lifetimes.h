#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "engine/plan.h"
#include "graph/operation.h"

namespace equipoise::engine {

/// What a step reads and writes.
struct StepUse {
  const Operation* operation;
  const Step* step;
  std::span<const TensorId> inputs;
  std::span<const TensorId> outputs;
};

/// Those of a plan's steps, in order.
std::vector<StepUse> uses_of(const Plan& plan);

/// Unless it is prepared.
Place place_of(const TensorInfo& tensor);

/// `bytes`, rounded up to the multiple of 64 at which memory is handed out.
std::size_t aligned(std::size_t bytes);

/// Which tensors share memory, by union-find, and over which steps it has to last.
class Lifetimes {
 public:
  /// `tensors` have their places; `kept` last to the end. Without reuse every tensor has memory of
  /// its own, but for updates and aliases.
  Lifetimes(std::span<const StepUse> steps, std::span<const TensorId> kept,
            std::span<const PlannedTensor> tensors, Mode mode, bool reuse = true);

  std::size_t root(std::size_t tensor) const {
    while (root_[tensor] != tensor) tensor = root_[tensor];
    return tensor;
  }
  /// Of roots.
  int first(std::size_t tensor) const { return first_[tensor]; }
  int last(std::size_t tensor) const { return last_[tensor]; }

  /// Bytes of the arena that are alive at the worst step, scratch memory included.
  std::size_t peak() const;

 private:
  void join(TensorId output, TensorId input);
  void write_over_inputs(int s);
  bool may_overwrite(int s, TensorId output, TensorId input) const;

  std::span<const StepUse> steps_;
  std::span<const PlannedTensor> tensors_;
  bool reuse_;
  std::vector<std::size_t> root_;
  std::vector<int> first_;
  std::vector<int> last_;
};

}  // namespace equipoise::engine
