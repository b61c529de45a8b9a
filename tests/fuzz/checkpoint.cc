#include "run/checkpoint.h"

#include <span>

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return equipoise::fuzz::try_to(
      [&] { equipoise::run::parse_checkpoint(std::as_bytes(std::span(data, size)), "a file"); });
}
