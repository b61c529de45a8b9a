// Two bytes say how long the images are, in the file of IDX's form that comes first; then the
// labels.

#include "equipoise/data.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace equipoise;
  static const fuzz::Folder folder;
  if (size < 2) return 0;
  const std::string_view files = fuzz::as_text(data + 2, size - 2);
  const std::size_t images = std::min(data[0] + std::size_t{256} * data[1], files.size());
  folder.write("train-images-idx3-ubyte", files.substr(0, images));
  folder.write("train-labels-idx1-ubyte", files.substr(images));
  return fuzz::try_to(
      [&] { fuzz::read_all(*open_dataset(folder.path().string(), Split::kTraining)); });
}
