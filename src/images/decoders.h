#pragma once

#include <cstdint>
#include <span>

#include "equipoise/image.h"

namespace equipoise::images {

using Bytes = std::span<const std::uint8_t>;

struct Decoded {
  Image image;
  /// As in Exif: 1 to 8.
  int orientation = 1;
};

/// One for each format, for bytes that begin like it. They throw Error with the cause alone:
/// whoever calls knows whose bytes they are.
Decoded decode_bmp(Bytes bytes, const DecodeOptions& options);
Decoded decode_jpeg(Bytes bytes, const DecodeOptions& options);
Decoded decode_png(Bytes bytes, const DecodeOptions& options);
Decoded decode_pnm(Bytes bytes, const DecodeOptions& options);
Decoded decode_webp(Bytes bytes, const DecodeOptions& options);

/// Throws Error for more pixels than the options allow, or none. To be called before memory is
/// taken.
void check_pixels(std::int64_t width, std::int64_t height, const DecodeOptions& options);

}  // namespace equipoise::images
