#include "ops/dropout.h"

#include <fmt/format.h>

#include "base/random.h"
#include "equipoise/operations.h"
#include "graph/differentiate.h"

namespace equipoise {

std::string_view Dropout::type() const {
  return unit_ == DropoutUnit::kElement ? "dropout" : "stochastic_depth";
}

Signature Dropout::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> Dropout::attributes() const { return {{"probability", probability_}}; }

std::vector<TensorType> Dropout::infer(InputTypes inputs) const {
  require_dtype("x", *inputs[kX], DType::kF32);
  if (!(probability_ >= 0 && probability_ < 1)) {
    fail_inference(fmt::format("probability is {}; it has to be in [0, 1)", probability_));
  }
  if (unit_ == DropoutUnit::kSample && inputs[kX]->shape.rank() < 1) {
    fail_inference("x has shape (); it needs a dimension of samples");
  }
  return {*inputs[kX]};
}

void Dropout::evaluate(const Evaluation& evaluation) const {
  const Array& x = evaluation.input(kX);
  Array& y = evaluation.output(0);
  if (x.size() == 0) return;
  const std::int64_t unit_size = unit_ == DropoutUnit::kElement ? 1 : x.size() / x.shape.samples();
  const std::uint64_t key = evaluation.random_key ^ stream_;
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const double u = uniform(key, static_cast<std::uint64_t>(i / unit_size));
    y[i] = u >= probability_ ? x[i] / (1 - probability_) : 0;
  }
}

void Dropout::differentiate(GradientWriter& writer) const {
  writer.set(kX, writer.add_one("dx", std::make_shared<Dropout>(unit_, probability_, stream_),
                                {writer.output_gradient(0)}));
}

double Dropout::flops(std::span<const Shape* const> inputs,
                      std::span<const Shape* const> /*outputs*/) const {
  return static_cast<double>(inputs[kX]->element_count());
}

TensorId ops::dropout(Graph& graph, std::string name, TensorId x, double probability) {
  const std::uint64_t stream = name_key(name);
  return graph.add_node(std::move(name),
                        std::make_shared<Dropout>(DropoutUnit::kElement, probability, stream),
                        {x})[0];
}

TensorId ops::stochastic_depth(Graph& graph, std::string name, TensorId x, double probability) {
  const std::uint64_t stream = name_key(name);
  return graph.add_node(std::move(name),
                        std::make_shared<Dropout>(DropoutUnit::kSample, probability, stream),
                        {x})[0];
}

}  // namespace equipoise
