#include <array>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "data/byte_reader.h"
#include "equipoise/data.h"
#include "equipoise/error.h"

namespace equipoise {
namespace {

Shape read_shape(data::ByteReader& reader) {
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

}  // namespace

ByteTensor read_idx(const std::filesystem::path& path) {
  data::ByteReader reader(path);
  const Shape shape = read_shape(reader);
  const auto wanted = static_cast<std::size_t>(shape.element_count());
  std::vector<std::uint8_t> values = reader.read_up_to(wanted);
  if (values.size() < wanted) {
    reader.fail(fmt::format("it ends after {} of {} values of shape {}", values.size(), wanted,
                            to_string(shape)));
  }
  std::array<std::uint8_t, 1> rest{};
  if (reader.read(rest) != 0) {
    reader.fail(
        fmt::format("it goes on behind the {} values of shape {}", wanted, to_string(shape)));
  }
  return {.shape = shape, .values = std::move(values)};
}

}  // namespace equipoise
