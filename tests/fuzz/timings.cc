// The milliseconds of a plan.json of this machine; of others, nothing is read.

#include "equipoise/timings.h"

#include <string>

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using equipoise::Timings;
  std::string text = Timings().to_text();
  text.replace(text.rfind("{}"), 2, equipoise::fuzz::as_text(data, size));
  return equipoise::fuzz::try_to([&] {
    const Timings timings = Timings::parse(text, "a file");
    const Timings again = Timings::parse(timings.to_text(), "what was written");
    equipoise::fuzz::require(again.size() == timings.size());
  });
}
