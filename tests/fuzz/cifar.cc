// The first bytes are the names of the classes, the others images, the way CIFAR-100 has them.

#include "equipoise/data.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const equipoise::fuzz::Folder folder;
  const std::string_view text = equipoise::fuzz::as_text(data, size);
  const std::size_t names = size == 0 ? 0 : std::min<std::size_t>(data[0], size - 1);
  folder.write("fine_label_names.txt", text.substr(0, names));
  folder.write("train.bin", text.substr(names));
  return equipoise::fuzz::try_to([&] {
    const auto dataset =
        equipoise::open_dataset(folder.path().string(), equipoise::Split::kTraining);
    for (std::int64_t i = 0; i < dataset->size(); ++i) {
      equipoise::fuzz::require(static_cast<std::size_t>(dataset->label(i)) <
                               dataset->class_names().size());
      static_cast<void>(dataset->image(i));
    }
  });
}
