#include "formats/onnx_networks.h"

#include <algorithm>

#include "base/random.h"

namespace equipoise::testing {
namespace {

/// Weights of layers are random as they are.
constexpr std::size_t kMostShaken = 4096;

float noise(std::uint64_t i) { return static_cast<float>(philox(i, 0)[0] % 2000) / 1000.0F - 1; }

}  // namespace

Graph BuiltNetwork::graph() const {
  ModelOptions options{.classes = 10, .norm = {.kind = norm, .epsilon = 1e-3, .groups = 4}};
  const std::int64_t size = norm == ModelNorm::Kind::kBatch ? 32 : 64;
  if (model.starts_with("vgg")) {
    options.hidden = {16, 16};
    options.input_size = {size, size};
  } else if (model == "encoder") {
    options.encoder = {.vocabulary = 50, .length = 8, .width = 16, .heads = 2, .layers = 2};
    options.stochastic_depth = 0.1;
  } else if (model != "mlp") {
    options.input_size = {size, size};
  }
  return build_model(model, options);
}

void shake(State& state) {
  std::uint64_t next = 0;
  for (StateView& entry : state.entries()) {
    if (auto* values = std::get_if<std::span<float>>(&entry.values)) {
      if (values->size() > kMostShaken) continue;
      for (float& value : *values) value += 0.01F * noise(next++) + 0.011F;
    } else {
      std::get<std::span<std::int64_t>>(entry.values)[0] = 17;
    }
  }
}

formats::OnnxModel decode(const std::string& bytes, std::string_view where) {
  return formats::decode_onnx(std::as_bytes(std::span(bytes)), where);
}

std::vector<ConstStateView> views(const formats::OnnxModel& model) {
  std::vector<ConstStateView> result;
  for (const formats::KeptTensor& tensor : model.state) result.push_back(tensor.view());
  return result;
}

MadeInputs::MadeInputs(const Graph& graph, std::int64_t batch) {
  std::uint64_t next = 0;
  for (const TensorId id : graph.with_role(TensorRole::kInput)) {
    const TensorInfo& info = graph.tensor(id);
    const Shape shape = info.type.shape.resolve(batch);
    const auto count = static_cast<std::size_t>(shape.element_count());
    ConstTensorView view{.shape = shape, .dtype = info.type.dtype};
    if (info.type.dtype == DType::kI32) {
      auto& values = integers_.emplace_back(count);
      for (std::int32_t& value : values) value = static_cast<std::int32_t>(next++ % 10);
      view.data = values.data();
    } else {
      auto& values = floats_.emplace_back(count);
      const bool is_mask = info.name == "mask";
      for (std::size_t i = 0; i < count; ++i) {
        // The second half of every second row is padding.
        const auto length = static_cast<std::size_t>(shape[shape.rank() - 1]);
        const bool counts = i / length % 2 == 0 || i % length < length / 2;
        values[i] = is_mask ? (counts ? 1.0F : 0.0F) : noise(next++);
      }
      view.data = values.data();
    }
    inputs_.push_back({.name = info.name, .value = view});
  }
}

}  // namespace equipoise::testing
