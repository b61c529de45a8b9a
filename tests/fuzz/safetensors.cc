#include "formats/safetensors.h"

#include <span>

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return equipoise::fuzz::try_to([&] {
    const auto file =
        equipoise::formats::parse_safetensors(std::as_bytes(std::span(data, size)), "a file");
    for (const equipoise::formats::StoredTensor& tensor : file.tensors) to_f32(tensor);
    write_safetensors(file);
  });
}
