/// Writes each network of built_networks() as ONNX, with inputs and what we compute of them, for
/// onnx_runtime_test.py: `onnx_runtime_files FOLDER`.

#include <filesystem>
#include <fstream>

#include "formats/onnx_networks.h"
#include "formats/safetensors.h"

namespace equipoise::testing {
namespace {

formats::StoredTensor stored(std::string_view name, const ConstTensorView& view) {
  const auto dimensions = view.shape.dimensions();
  const auto count = static_cast<std::size_t>(view.shape.element_count());
  return {.name = std::string(name),
          .type = view.dtype == DType::kI32 ? formats::StoredType::kI32 : formats::StoredType::kF32,
          .shape = {dimensions.begin(), dimensions.end()},
          .bytes = {static_cast<const std::byte*>(view.data), 4 * count}};
}

void write_files(const std::filesystem::path& folder, const BuiltNetwork& network) {
  Session session(network.graph());
  shake(session.state());
  const std::string bytes =
      formats::encode_onnx(session.graph(), std::as_const(session).state().entries());
  std::ofstream(folder / (network.name() + ".onnx"), std::ios::binary) << bytes;

  const MadeInputs inputs(session.graph(), 2);
  formats::Safetensors content;
  for (const Input& input : inputs.inputs()) {
    content.tensors.push_back(stored(input.name, input.value));
  }
  const Results results = session.run(inputs.inputs());
  content.tensors.push_back(stored("logits", results.view("logits")));
  const std::vector<std::byte> tensors = formats::write_safetensors(content);
  std::ofstream(folder / (network.name() + ".safetensors"), std::ios::binary)
      .write(reinterpret_cast<const char*>(tensors.data()),
             static_cast<std::streamsize>(tensors.size()));
}

}  // namespace
}  // namespace equipoise::testing

int main(int /*argc*/, char** argv) {
  using namespace equipoise::testing;
  std::filesystem::create_directories(argv[1]);
  for (const BuiltNetwork& network : built_networks()) write_files(argv[1], network);
}
