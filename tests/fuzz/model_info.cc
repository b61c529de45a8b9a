// What a model file says of its images, and on the next lines of its labels.

#include "fuzz/fuzz.h"
#include "model/metadata.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace equipoise;
  const std::string_view text = fuzz::as_text(data, size);
  const std::size_t line = std::min(text.find('\n'), text.size());
  return fuzz::try_to([&] {
    const ModelInfo info =
        model::info_of({{"equipoise.preprocessing", std::string(text.substr(0, line))},
                        {"equipoise.labels", std::string(text.substr(line))}});
    const ModelInfo again = model::info_of(model::to_metadata(info));
    fuzz::require(again.labels == info.labels);
  });
}
