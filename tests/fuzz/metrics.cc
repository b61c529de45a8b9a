#include "equipoise/run.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const equipoise::fuzz::Folder folder;
  const auto file = folder.write("metrics.jsonl", equipoise::fuzz::as_text(data, size));
  return equipoise::fuzz::try_to([&] { static_cast<void>(equipoise::read_metrics(file)); });
}
