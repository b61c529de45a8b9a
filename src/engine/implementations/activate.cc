/// Elementwise functions and their gradients, in the order of memory.

#include "ops/activate.h"

#include "base/parallel.h"
#include "engine/implementations/copy.h"
#include "engine/implementations/implementations.h"
#include "engine/layout.h"
#include "engine/nest.h"
#include "engine/simd/function.h"
#include "ops/function.h"

namespace equipoise::engine {
namespace {

/// What a function of x is applied to: all of its memory, padding too.
struct Elements {
  ops::Function function;
  float slope;
  Shape shape;
  Layout layout;
  int threads;

  template <class Body>
  void for_chunks(const Body& body) const {
    parallel_for_chunks(storage_elements(shape, layout), kTileElements, threads,
                        [&](std::int64_t first, std::int64_t last) { body(first, last - first); });
  }
};

class Forward final : public Kernel {
 public:
  explicit Forward(const Elements& elements) : elements_(elements) {}

  void run(const Arguments& arguments) const override {
    const auto* x = arguments.input(Activate::kX);
    auto* y = arguments.output(0);
    elements_.for_chunks([&](std::int64_t first, std::int64_t count) {
      apply(elements_.function, elements_.slope, x + first, y + first, count);
    });
    if (value_of(elements_.function, 0, 0) != 0) {
      zero_padding(y, elements_.shape, elements_.layout, elements_.threads);
    }
  }

 private:
  Elements elements_;
};

class Backward final : public Kernel {
 public:
  explicit Backward(const Elements& elements) : elements_(elements) {}

  void run(const Arguments& arguments) const override {
    const auto* x = arguments.input(ActivateGradient::kX);
    const auto* dy = arguments.input(ActivateGradient::kDY);
    auto* dx = arguments.output(0);
    elements_.for_chunks([&](std::int64_t first, std::int64_t count) {
      apply_gradient(elements_.function, elements_.slope, x + first, dy + first, dx + first, count);
    });
  }

 private:
  Elements elements_;
};

template <class Operation>
Elements elements_of(const NodeContext& node, const Format& format) {
  const auto& operation = static_cast<const Operation&>(*node.node.operation);
  return {.function = operation.function(),
          .slope = operation.negative_slope(),
          .shape = node.input(0),
          .layout = format.layout,
          .threads = node.threads};
}

}  // namespace

Answer activate(const NodeContext& node) {
  const Format format = kept_format(node, Activate::kX);
  Proposal proposal;
  proposal.inputs = {format};
  proposal.outputs = {format};
  proposal.in_place = {{0, Activate::kX}};
  proposal.kernel = std::make_unique<Forward>(elements_of<Activate>(node, format));
  return proposal;
}

Answer activate_gradient(const NodeContext& node) {
  const Format format = kept_format(node, ActivateGradient::kX);
  Proposal proposal;
  proposal.inputs = {format, format};
  proposal.outputs = {format};
  proposal.in_place = {{0, ActivateGradient::kDY}, {0, ActivateGradient::kX}};
  proposal.kernel = std::make_unique<Backward>(elements_of<ActivateGradient>(node, format));
  return proposal;
}

}  // namespace equipoise::engine
