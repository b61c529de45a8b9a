#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "images/byte_reader.h"
#include "images/check.h"
#include "images/decoders.h"

namespace equipoise::images {
namespace {

using Color = std::array<std::uint8_t, 3>;

enum Compression : std::uint32_t {
  kNone = 0,
  kRle8 = 1,
  kRle4 = 2,
  kBitFields = 3,
  kAlphaBitFields = 6
};

struct Header {
  std::size_t size = 0;
  std::size_t pixels = 0;  // where they begin
  std::int64_t width = 0;
  std::int64_t height = 0;
  bool from_below = true;
  std::uint32_t bits = 0;
  std::uint32_t compression = kNone;
  std::uint32_t colors = 0;
};

constexpr std::size_t kFileHeader = 14;
constexpr std::size_t kCoreHeader = 12;
constexpr std::size_t kInfoHeader = 40;

Header read_header(const ByteReader& reader) {
  Header header{.size = reader.u32(kFileHeader), .pixels = reader.u32(10)};
  if (header.size == kCoreHeader) {
    header.width = reader.u16(18);
    header.height = reader.u16(20);
    header.bits = reader.u16(24);
  } else if (header.size >= kInfoHeader) {
    header.width = static_cast<std::int32_t>(reader.u32(18));
    header.height = static_cast<std::int32_t>(reader.u32(22));
    header.bits = reader.u16(28);
    header.compression = reader.u32(30);
    header.colors = reader.u32(46);
  } else {
    throw Error(fmt::format("its header has {} bytes; 12, or 40 and more are known", header.size));
  }
  if (header.height < 0) {
    header.height = -header.height;
    header.from_below = false;
  }
  return header;
}

std::vector<Color> read_palette(const ByteReader& reader, const Header& header) {
  const std::size_t most = std::size_t{1} << header.bits;
  const std::size_t count = header.colors == 0 ? most : std::min<std::size_t>(header.colors, most);
  const std::size_t step = header.size == kCoreHeader ? 3 : 4;
  const Bytes bytes = reader.part(kFileHeader + header.size, step * count);
  std::vector<Color> palette(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto bgr = bytes.subspan(i * step, 3);
    palette[i] = {bgr[2], bgr[1], bgr[0]};
  }
  return palette;
}

void palette_row(Bytes row, std::uint32_t bits, const std::vector<Color>& palette,
                 std::span<std::uint8_t> rgb) {
  const std::uint32_t per_byte = 8 / bits;
  const std::uint32_t mask = (1U << bits) - 1;
  for (std::size_t x = 0; 3 * x < rgb.size(); ++x) {
    const auto place = static_cast<std::uint32_t>(per_byte - 1 - x % per_byte);
    const std::uint32_t index = row[x / per_byte] >> (place * bits) & mask;
    if (index >= palette.size()) {
      throw Error(fmt::format("a pixel has color {} of a palette of {}", index, palette.size()));
    }
    std::ranges::copy(palette[index], rgb.data() + 3 * x);
  }
}

/// Where in a pixel red, green and blue are.
using Masks = std::array<std::uint32_t, 3>;

Masks read_masks(const ByteReader& reader, const Header& header) {
  constexpr std::size_t kMasks = kFileHeader + kInfoHeader;
  if (header.compression != kNone) {
    return {reader.u32(kMasks), reader.u32(kMasks + 4), reader.u32(kMasks + 8)};
  }
  if (header.bits == 16) return {0x7C00, 0x03E0, 0x001F};
  return {0xFF0000, 0x00FF00, 0x0000FF};
}

void mask_row(Bytes row, std::uint32_t bits, const Masks& masks, std::span<std::uint8_t> rgb) {
  const ByteReader reader(row, std::endian::little);
  for (std::size_t x = 0; 3 * x < rgb.size(); ++x) {
    const std::uint32_t pixel = bits == 16 ? reader.u16(2 * x) : reader.u32(4 * x);
    for (std::size_t c = 0; c < 3; ++c) {
      if (masks[c] == 0) continue;
      const int shift = std::countr_zero(masks[c]);
      const std::uint64_t value = (pixel & masks[c]) >> shift;
      rgb[3 * x + c] = static_cast<std::uint8_t>(value * 255 / (masks[c] >> shift));
    }
  }
}

void color_row(Bytes row, std::span<std::uint8_t> rgb) {
  for (std::size_t i = 0; i + 2 < rgb.size(); i += 3) {
    rgb[i] = row[i + 2];
    rgb[i + 1] = row[i + 1];
    rgb[i + 2] = row[i];
  }
}

void check_kind(const Header& header) {
  const bool masked = header.bits == 16 || header.bits == 32;
  const bool plain =
      masked || header.bits == 1 || header.bits == 4 || header.bits == 8 || header.bits == 24;
  if (header.compression == kRle8 || header.compression == kRle4) {
    throw Error("it is run-length encoded; save it without compression");
  }
  const bool fields = header.compression == kBitFields || header.compression == kAlphaBitFields;
  if (fields ? !masked : !plain || header.compression != kNone) {
    throw Error(
        fmt::format("it has {} bits per pixel and compression {}; 1, 4, 8, 16, 24 or 32 "
                    "bits without compression are read",
                    header.bits, header.compression));
  }
}

}  // namespace

Decoded decode_bmp(Bytes bytes, const DecodeOptions& options) {
  const ByteReader reader(bytes, std::endian::little);
  const Header header = read_header(reader);
  check_kind(header);
  check_pixels(header.width, header.height, options);

  const auto width = static_cast<std::size_t>(header.width);
  const auto height = static_cast<std::size_t>(header.height);
  const std::size_t row_bytes = (width * header.bits + 7) / 8;
  const std::size_t row_step = (row_bytes + 3) / 4 * 4;
  const Bytes pixels = reader.part(header.pixels, (height - 1) * row_step + row_bytes);
  const bool has_palette = header.bits <= 8;
  const std::vector<Color> palette =
      has_palette ? read_palette(reader, header) : std::vector<Color>();
  const Masks masks = read_masks(reader, header);

  Image image = make_image(header.width, header.height, 3);
  for (std::size_t y = 0; y < height; ++y) {
    const Bytes row =
        pixels.subspan((header.from_below ? height - 1 - y : y) * row_step, row_bytes);
    const auto rgb = std::span(image.pixels).subspan(y * 3 * width, 3 * width);
    if (has_palette) {
      palette_row(row, header.bits, palette, rgb);
    } else if (header.bits == 24) {
      color_row(row, rgb);
    } else {
      mask_row(row, header.bits, masks, rgb);
    }
  }
  return {.image = std::move(image)};
}

}  // namespace equipoise::images
