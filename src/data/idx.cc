#include <algorithm>
#include <array>
#include <memory>
#include <span>

#include <fmt/format.h>
#include <zlib.h>

#include "base/system_memory.h"
#include "equipoise/data.h"
#include "equipoise/error.h"

namespace equipoise {
namespace {

/// A file, decompressed as it is read if it begins like one of gzip's.
class Reader {
 public:
  explicit Reader(const std::filesystem::path& path)
      : path_(path.string()), file_(gzopen(path_.c_str(), "rb"), &gzclose) {
    if (!file_)
      throw Error(fmt::format("cannot open '{}'; is it there, and may it be read?", path_));
  }

  [[noreturn]] void fail(std::string_view what) const {
    throw Error(fmt::format("'{}': {}", path_, what));
  }

  /// As many bytes as there are, up to the size of the buffer.
  std::size_t read(std::span<std::uint8_t> buffer) {
    constexpr std::size_t kAtOnce = 1U << 30U;  // gzread counts in int
    std::size_t done = 0;
    while (done < buffer.size()) {
      const auto wanted = static_cast<unsigned>(std::min(buffer.size() - done, kAtOnce));
      const int got = gzread(file_.get(), buffer.data() + done, wanted);
      if (got < 0) fail("it cannot be decompressed; copy or download it again");
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

 private:
  std::string path_;
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
};

Shape read_shape(Reader& reader) {
  std::array<std::uint8_t, 4> magic{};
  if (reader.read(magic) < magic.size() || magic[0] != 0 || magic[1] != 0) {
    reader.fail("it is no IDX file: that begins with two bytes of 0");
  }
  constexpr std::uint8_t kUnsignedByte = 8;
  if (magic[2] != kUnsignedByte) {
    reader.fail(fmt::format("its values are of type {:#04x}; only unsigned bytes (0x08) are read",
                            magic[2]));
  }
  if (magic[3] < 1 || magic[3] > Shape::kMaxRank) {
    reader.fail(fmt::format("it has {} dimensions; 1 to {} are read", magic[3], Shape::kMaxRank));
  }
  std::vector<std::int64_t> dimensions;
  for (int i = 0; i < magic[3]; ++i) {
    std::array<std::uint8_t, 4> size{};
    if (reader.read(size) < size.size()) reader.fail("it ends within its dimensions");
    dimensions.push_back(std::int64_t{size[0]} << 24 | std::int64_t{size[1]} << 16 |
                         std::int64_t{size[2]} << 8 | std::int64_t{size[3]});
  }
  try {
    return Shape(std::span<const std::int64_t>(dimensions));
  } catch (const Error& error) {
    reader.fail(error.what());
  }
}

std::filesystem::path find(const std::filesystem::path& folder, const std::string& name) {
  for (const std::string& candidate : {name, name + ".gz"}) {
    if (std::filesystem::exists(folder / candidate)) return folder / candidate;
  }
  throw Error(
      fmt::format("'{}' has neither '{}' nor '{}.gz'; Fashion-MNIST comes with the Debian "
                  "package dataset-fashion-mnist",
                  folder.string(), name, name));
}

}  // namespace

ByteTensor read_idx(const std::filesystem::path& path) {
  Reader reader(path);
  ByteTensor tensor{.shape = read_shape(reader), .values = {}};
  // Memory grows as values come: a header may promise what the file does not hold.
  constexpr std::size_t kPiece = 16U << 20U;
  const auto wanted = static_cast<std::size_t>(tensor.shape.element_count());
  if (wanted > available_memory()) {
    reader.fail(fmt::format("it has {} values, more than fit the memory", wanted));
  }
  while (tensor.values.size() < wanted) {
    const std::size_t before = tensor.values.size();
    tensor.values.resize(std::min(before + kPiece, wanted));
    const std::size_t got = reader.read(std::span(tensor.values).subspan(before));
    if (before + got < tensor.values.size()) {
      reader.fail(fmt::format("it ends after {} of {} values of shape {}", before + got, wanted,
                              to_string(tensor.shape)));
    }
  }
  std::array<std::uint8_t, 1> rest{};
  if (reader.read(rest) != 0) {
    reader.fail(fmt::format("it goes on behind the {} values of shape {}", wanted,
                            to_string(tensor.shape)));
  }
  return tensor;
}

LabelledImages read_idx_images(Split split, const std::filesystem::path& folder) {
  const std::string prefix = split == Split::kTraining ? "train" : "t10k";
  const std::filesystem::path image_file = find(folder, prefix + "-images-idx3-ubyte");
  const std::filesystem::path label_file = find(folder, prefix + "-labels-idx1-ubyte");
  ByteTensor images = read_idx(image_file);
  const ByteTensor labels = read_idx(label_file);
  if (images.shape.rank() != 3) {
    throw Error(fmt::format("'{}' has shape {}; images are (N, H, W)", image_file.string(),
                            to_string(images.shape)));
  }
  if (labels.shape != Shape{images.shape[0]}) {
    throw Error(fmt::format("'{}' has shape {}, '{}' {}; there has to be one label per image",
                            label_file.string(), to_string(labels.shape), image_file.string(),
                            to_string(images.shape)));
  }
  return {.shape = {images.shape[0], 1, images.shape[1], images.shape[2]},
          .pixels = std::move(images.values),
          .labels = {labels.values.begin(), labels.values.end()}};
}

}  // namespace equipoise
