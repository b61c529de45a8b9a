#include "formats/onnx.h"

#include <span>
#include <vector>

#include "fuzz/fuzz.h"

/// What is read can be written, and is read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace equipoise;
  return fuzz::try_to([&] {
    const formats::OnnxModel model =
        formats::decode_onnx(std::as_bytes(std::span(data, size)), "a file");
    std::vector<ConstStateView> state;
    for (const formats::KeptTensor& tensor : model.state) state.push_back(tensor.view());
    const std::string bytes = formats::encode_onnx(model.graph, state);
    static_cast<void>(formats::decode_onnx(std::as_bytes(std::span(bytes)), "what was written"));
  });
}
