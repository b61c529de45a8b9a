#include "equipoise/run.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return equipoise::fuzz::try_to([&] {
    const std::string_view text = equipoise::fuzz::as_text(data, size);
    for (const equipoise::Setting& setting : equipoise::parse_settings(text, "config.toml")) {
      const auto again = equipoise::parse_settings(equipoise::to_text(setting), "again");
      equipoise::fuzz::require(again.size() == 1 && again[0].key == setting.key &&
                               again[0].values == setting.values);
    }
  });
}
