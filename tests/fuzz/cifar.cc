// Of the first byte, one bit says which of the two forms this is, the others how long the names of
// the classes are; then come images.

#include "equipoise/data.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace equipoise;
  static const fuzz::Folder ten;
  static const fuzz::Folder hundred;
  if (size == 0) return 0;
  const bool is_ten = data[0] >= 128;
  const std::string_view files = fuzz::as_text(data + 1, size - 1);
  const std::size_t names = std::min<std::size_t>(data[0] % 128, files.size());
  const fuzz::Folder& folder = is_ten ? ten : hundred;
  folder.write(is_ten ? "batches.meta.txt" : "fine_label_names.txt", files.substr(0, names));
  folder.write(is_ten ? "data_batch_1.bin" : "train.bin", files.substr(names));
  return fuzz::try_to(
      [&] { fuzz::read_all(*open_dataset(folder.path().string(), Split::kTraining)); });
}
