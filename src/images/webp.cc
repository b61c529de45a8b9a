#include <fmt/format.h>
#include <webp/decode.h>

#include "equipoise/error.h"
#include "images/byte_reader.h"
#include "images/check.h"
#include "images/decoders.h"
#include "images/orientation.h"

namespace equipoise::images {
namespace {

void require(VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_OK:
      return;
    case VP8_STATUS_OUT_OF_MEMORY:
      throw Error("there is no memory to read it with");
    case VP8_STATUS_NOT_ENOUGH_DATA:
      throw Error("it is cut off");
    default:
      throw Error("it is damaged");
  }
}

/// Goes through the chunks of the file: name, size, bytes, and one more to make them even.
int orientation_of(Bytes bytes) {
  constexpr std::size_t kHeader = 8;
  constexpr std::uint32_t kExif = 0x46495845;  // "EXIF", little-endian
  const ByteReader file(bytes, std::endian::little);
  const Bytes content = file.part(kHeader, file.u32(4));
  const ByteReader reader(content, std::endian::little);
  for (std::size_t at = 4; at + kHeader <= content.size();) {
    const std::size_t size = reader.u32(at + 4);
    if (reader.u32(at) == kExif) return exif_orientation(reader.part(at + kHeader, size));
    at += kHeader + size + size % 2;
  }
  return 1;
}

}  // namespace

Decoded decode_webp(Bytes bytes, const DecodeOptions& options) {
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0)
    throw Error("libwebp has another version than its header");
  require(WebPGetFeatures(bytes.data(), bytes.size(), &config.input));
  if (config.input.has_animation != 0) {
    throw Error("it is animated; save the frame that is meant as an image of its own");
  }
  check_pixels(config.input.width, config.input.height, options);

  Decoded decoded{.image = make_image(config.input.width, config.input.height, 3),
                  .orientation = orientation_of(bytes)};
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA = {.rgba = decoded.image.pixels.data(),
                          .stride = 3 * decoded.image.width,
                          .size = decoded.image.pixels.size()};
  require(WebPDecode(bytes.data(), bytes.size(), &config));
  return decoded;
}

}  // namespace equipoise::images
