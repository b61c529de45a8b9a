#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "equipoise/graph.h"
#include "equipoise/summary.h"
#include "graph/array.h"

namespace equipoise {

class GradientWriter;

/// What a node is called with, in order. With `variadic`, the last input may be there any number of
/// times ≥ 1.
struct Signature {
  struct Port {
    std::string_view name;
    bool optional = false;
  };
  std::span<const Port> inputs;
  std::span<const Port> outputs;
  bool variadic = false;
};

/// The types of a node's inputs, for shape rules. Absent ones are null.
using InputTypes = std::span<const TensorType* const>;

/// The inputs and outputs of one node in f64. Outputs that somebody wants have their shape and
/// zeros, but for records, which are empty: the operation keeps there what it likes.
struct Evaluation {
  std::span<const Array* const> inputs;  // null where absent
  std::span<Array* const> outputs;       // null where not wanted
  /// Of the run (seed and step). Random operations combine it with a stream of their own
  /// (base/random.h), the same in forward and gradient.
  std::uint64_t random_key = 0;

  bool has(int input) const { return inputs[static_cast<std::size_t>(input)] != nullptr; }
  bool wants(int output) const { return outputs[static_cast<std::size_t>(output)] != nullptr; }
  const Array& input(int i) const { return *inputs[static_cast<std::size_t>(i)]; }
  Array& output(int i) const { return *outputs[static_cast<std::size_t>(i)]; }
};

/// What a node does: its meaning, of which the engine's implementations are fast versions. Holds
/// its attributes, and is immutable. One class per file in `ops/`.
class Operation {
 public:
  Operation() = default;
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  virtual ~Operation() = default;

  /// "convolution"; one name per class.
  virtual std::string_view type() const = 0;
  virtual Signature signature() const = 0;
  /// Those that differ from their defaults.
  virtual std::vector<Attribute> attributes() const { return {}; }

  /// The types of all outputs, wanted or not. Throws Error if the inputs do not fit, with a text
  /// that names them as the signature does and says both shapes; the graph adds the node's name.
  virtual std::vector<TensorType> infer(InputTypes inputs) const = 0;

  /// The textbook, slow and in f64.
  virtual void evaluate(const Evaluation& evaluation) const = 0;

  /// Writes the nodes that compute the gradients of the inputs from those of the outputs. By
  /// default there are none: Error.
  virtual void differentiate(GradientWriter& writer) const;

  /// The input that an output overwrites (updates of parameters), or −1. Such an input is a
  /// parameter or a buffer.
  virtual int updates(int /*output*/) const { return -1; }

  /// Multiplications and additions for N samples, each counted as one; for budgets and profiles.
  virtual double flops(std::span<const Shape* const> /*inputs*/,
                       std::span<const Shape* const> /*outputs*/) const {
    return 0;
  }
};

/// For shape rules: throws Error with the text of fmt.
[[noreturn]] void fail_inference(const std::string& text);

/// Throws Error unless the input has this rank.
void require_rank(std::string_view name, const TensorType& type, int rank);
/// Throws Error unless the input is stored so.
void require_dtype(std::string_view name, const TensorType& type, DType dtype);

/// "convolution(stride=2, padding=[3, 3])"
std::string describe(const Operation& operation);

}  // namespace equipoise
