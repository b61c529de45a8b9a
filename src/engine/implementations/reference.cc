/// The textbook of any operation, in f64 and row-major: slow, allocates, and is always right.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/implementations/implementations.h"

namespace equipoise::engine {
namespace {

class Reference final : public Kernel {
 public:
  explicit Reference(const NodeContext& node)
      : operation_(node.node.operation),
        input_shapes_(node.input_shapes),
        output_shapes_(node.output_shapes) {
    for (const TensorId id : node.node.inputs) {
      input_types_.push_back(id ? node.graph.tensor(id).type.dtype : DType::kF32);
    }
  }

  void run(const Arguments& arguments) const override {
    std::vector<Array> inputs(arguments.inputs.size());
    std::vector<const Array*> input_pointers;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (arguments.inputs[i] == nullptr) {
        input_pointers.push_back(nullptr);
        continue;
      }
      inputs[i] = Array(input_shapes_[i]);
      if (input_types_[i] == DType::kI32) {
        std::copy_n(arguments.input<std::int32_t>(static_cast<int>(i)), inputs[i].size(),
                    inputs[i].values.begin());
      } else {
        std::copy_n(arguments.input(static_cast<int>(i)), inputs[i].size(),
                    inputs[i].values.begin());
      }
      input_pointers.push_back(&inputs[i]);
    }
    std::vector<Array> outputs(arguments.outputs.size());
    std::vector<Array*> output_pointers;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      outputs[i] = Array(output_shapes_[i]);
      output_pointers.push_back(arguments.outputs[i] == nullptr ? nullptr : &outputs[i]);
    }
    operation_->evaluate({.inputs = input_pointers,
                          .outputs = output_pointers,
                          .random_key = arguments.run.random_key});
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (output_pointers[i] == nullptr) continue;
      std::ranges::transform(outputs[i].values, arguments.output(static_cast<int>(i)),
                             [](double value) { return static_cast<float>(value); });
    }
  }

 private:
  std::shared_ptr<const Operation> operation_;
  std::vector<Shape> input_shapes_;
  std::vector<Shape> output_shapes_;
  std::vector<DType> input_types_;
};

}  // namespace

Answer reference(const NodeContext& node) {
  const auto is_record = [&](TensorId id) { return id && node.graph.tensor(id).type.record; };
  if (std::ranges::any_of(node.node.inputs, is_record) ||
      std::ranges::any_of(node.node.outputs, is_record)) {
    return "it passes a record on";
  }
  Proposal proposal;
  proposal.inputs.resize(node.node.inputs.size());
  proposal.outputs.resize(node.node.outputs.size());
  proposal.kernel = std::make_unique<Reference>(node);
  return proposal;
}

}  // namespace equipoise::engine
