#include "equipoise/data.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const equipoise::fuzz::Folder folder;
  const auto file = folder.write("idx", equipoise::fuzz::as_text(data, size));
  return equipoise::fuzz::try_to([&] {
    const equipoise::ByteTensor tensor = equipoise::read_idx(file);
    equipoise::fuzz::require(static_cast<std::int64_t>(tensor.values.size()) ==
                             tensor.shape.element_count());
  });
}
