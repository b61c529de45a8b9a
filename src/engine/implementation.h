#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/format.h"
#include "engine/run_context.h"
#include "equipoise/graph.h"
#include "equipoise/session.h"
#include "graph/operation.h"

namespace equipoise::engine {

/// A node for one batch size, and all that an implementation may base its answer on.
struct NodeContext {
  const Graph& graph;
  const Node& node;
  /// Of inputs and outputs that are there.
  std::vector<Shape> input_shapes;
  std::vector<Shape> output_shapes;
  /// In which inputs are, as earlier steps left them.
  std::vector<Format> formats;
  /// What images should be in between convolutions.
  Layout preferred = Layout::kChannelsFirst;
  Mode mode = Mode::kInference;
  int threads = 1;
  /// Of a normalization: its place in RunContext::norms.
  int norm = -1;

  bool has_input(int i) const {
    return static_cast<std::size_t>(i) < node.inputs.size() &&
           static_cast<bool>(node.inputs[static_cast<std::size_t>(i)]);
  }
  bool has_output(int i) const {
    return static_cast<bool>(node.outputs[static_cast<std::size_t>(i)]);
  }
  const Shape& input(int i) const { return input_shapes[static_cast<std::size_t>(i)]; }
  const Shape& output(int i) const { return output_shapes[static_cast<std::size_t>(i)]; }
  const Format& format(int i) const { return formats[static_cast<std::size_t>(i)]; }
  DType input_dtype(int i) const {
    return graph.tensor(node.inputs[static_cast<std::size_t>(i)]).type.dtype;
  }
};

/// Multiplications and additions, each counted as one.
double flops_of(const NodeContext& node);

/// What a kernel keeps for itself from one run in a context to the next.
class KernelState {
 public:
  KernelState() = default;
  KernelState(const KernelState&) = delete;
  KernelState& operator=(const KernelState&) = delete;
  virtual ~KernelState() = default;
};

/// What a kernel is given: memory in the formats that its proposal asked for, null where an
/// optional tensor is absent. A record is a NormSlot.
struct Arguments {
  std::span<void* const> inputs;
  std::span<void* const> outputs;
  void* scratch;
  RunContext& run;
  /// What the kernel's make_state gave, or null: then it does without.
  KernelState* state = nullptr;

  template <class T = float>
  const T* input(int i) const {
    return static_cast<const T*>(inputs[static_cast<std::size_t>(i)]);
  }
  template <class T = float>
  T* output(int i) const {
    return static_cast<T*>(outputs[static_cast<std::size_t>(i)]);
  }
};

/// A node ready to run. Immutable: several contexts may run it at once.
class Kernel {
 public:
  Kernel() = default;
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
  virtual ~Kernel() = default;
  virtual void run(const Arguments& arguments) const = 0;
  virtual std::unique_ptr<KernelState> make_state() const { return nullptr; }
};

/// Works element by element on tensors of one size: parts of them may run at any time, in any
/// order, at once.
class ElementwiseKernel : public Kernel {
 public:
  ElementwiseKernel(std::int64_t elements, int threads) : elements_(elements), threads_(threads) {}

  std::int64_t elements() const { return elements_; }
  void run(const Arguments& arguments) const final;
  /// Elements [first, last).
  virtual void run_part(const Arguments& arguments, std::int64_t first,
                        std::int64_t last) const = 0;

 private:
  std::int64_t elements_;
  int threads_;
};

/// How an implementation would run a node.
struct Proposal {
  /// In which it takes inputs and leaves outputs; one per input and output, present or not.
  std::vector<Format> inputs;
  std::vector<Format> outputs;
  std::unique_ptr<const Kernel> kernel;
  std::size_t scratch_bytes = 0;
  /// Pairs (output, input): the output may be written over the input, if nobody reads that later.
  std::vector<std::pair<int, int>> in_place = {};
  /// Nothing is to be done: output 0 is the memory of input 0.
  bool alias = false;
  /// What a library calls its choice: "jit:avx512_core".
  std::string detail = {};
};

/// A proposal, or why there is none.
using Answer = std::variant<Proposal, std::string>;

struct Implementation {
  std::string_view operation;
  std::string_view name;
  Answer (*propose)(const NodeContext& node);
};

/// All of an operation, the one to prefer first, the reference last.
std::vector<const Implementation*> implementations_of(std::string_view operation);

/// Operations that have one besides the reference, each once.
std::vector<std::string_view> implemented_operations();

}  // namespace equipoise::engine
