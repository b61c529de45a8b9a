#pragma once

/// Images, and what is done to them before a network sees them.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "equipoise/export.h"

namespace equipoise {

/// Rows from the top, pixels from the left, channels together: (H, W, C), C being 1 (grey) or 3
/// (red, green, blue).
struct Image {
  int width = 0;
  int height = 0;
  int channels = 0;
  std::vector<std::uint8_t> pixels;
};

struct DecodeOptions {
  /// The length to which the shorter side will be resized, or 0: a JPEG may then be decoded at 1/2,
  /// 1/4 or 1/8 of its size, several times faster, but no smaller than this.
  int shorter_side = 0;
  /// More are refused before there is memory for them: a few bytes can claim to be any number.
  std::int64_t max_pixels = std::int64_t{1} << 27;
};

/// Reads JPEG, PNG, WebP, BMP (not run-length encoded) and PNM, told apart by how they begin.
///
/// Pixels are those of Pillow's `convert("RGB")`, or `"L"` where the file is grey, turned upright
/// by the Exif orientation: alpha and transparent colors are dropped, not blended with a background
/// that nobody chose; palettes are looked up; 16 bits become their upper 8; CMYK becomes (1 −
/// ink)·(1 − black) without a color profile. Of damaged JPEG files, of which Pillow fills the
/// missing parts with grey, there is no image.
///
/// Throws Error with the cause for bytes that are in none of these formats, damaged, cut off,
/// animated, or too many pixels. Thread-safe.
[[nodiscard]] EQUIPOISE_API Image decode_image(std::span<const std::uint8_t> bytes,
                                               const DecodeOptions& options = {});

/// Decodes a file of at most 2^30 bytes. Throws Error, with the name of the file, as `decode_image`
/// does, and for a file that cannot be read.
[[nodiscard]] EQUIPOISE_API Image read_image(const std::filesystem::path& path,
                                             const DecodeOptions& options = {});

/// How values between pixels are found: by a triangle, by Keys' cubic with a = −1/2 (Keys 1981,
/// equation 8), or as the mean of the pixels whose centers it covers (of none: the nearest).
enum class Interpolation : std::uint8_t { kBilinear, kBicubic, kBox };

/// A part of an image in pixels from its upper left corner; edges may lie within pixels.
struct Box {
  float left = 0;
  float top = 0;
  float right = 0;
  float bottom = 0;
};

/// The image, or the part of it in the box, with width × height pixels. Where it becomes smaller,
/// the kernel is as much wider, so that every pixel of the source counts (antialiasing). Rows come
/// first, then columns, rounded to bytes after each, in the fixed-point arithmetic of Pillow's
/// `Image.resize`, so the bytes are the same as Pillow's. Throws Error for an image that does not
/// hold together, sides below 1 or beyond 2^24, more bytes than 2^31, and a box that is empty or
/// leaves the image. Thread-safe, as all functions here.
[[nodiscard]] EQUIPOISE_API Image resize(const Image& image, int width, int height,
                                         Interpolation interpolation,
                                         const std::optional<Box>& box = std::nullopt);

/// The part of width × height pixels whose upper left corner is (left, top). Throws Error where it
/// leaves the image.
[[nodiscard]] EQUIPOISE_API Image crop(const Image& image, int left, int top, int width,
                                       int height);

/// Mirrored: left becomes right.
[[nodiscard]] EQUIPOISE_API Image flip(const Image& image);

/// With 1 or 3 channels: color becomes its luma, (19595·R + 38470·G + 7471·B + 2^15) / 2^16 (ITU-R
/// 601-2, as Pillow's mode L), grey three equal channels. Throws Error for another number.
[[nodiscard]] EQUIPOISE_API Image with_channels(const Image& image, int channels);

/// From an image to a network's input (C, H, W): the shorter side is resized to `resize` (0: as it
/// is), the middle is cut out (0: all of it), and each channel becomes (value/255 − mean) / std.
/// Part of a model, and kept in its file.
struct Preprocessing {
  /// 1 or 3; grey becomes three equal channels, color its luma.
  int channels = 3;
  int resize = 0;
  Interpolation interpolation = Interpolation::kBilinear;
  int height = 0;
  int width = 0;
  /// One per channel; empty: 0 and 1.
  std::vector<float> mean = {};
  std::vector<float> std = {};

  bool operator==(const Preprocessing&) const = default;
};

/// Preprocesses an image into channels × height × width floats, as torchvision's Resize,
/// CenterCrop, ToTensor and Normalize do: the longer side is resized to ⌊resize·longer/shorter⌋,
/// and a middle that lies between two pixels goes to the even one. Throws Error for settings that
/// contradict each other, an image that is smaller than what is to be cut out, a buffer of another
/// size, and with height or width 0, which take the size of the image, if the buffer does not have
/// it. Thread-safe.
EQUIPOISE_API void preprocess(const Image& image, const Preprocessing& preprocessing,
                              std::span<float> chw);

}  // namespace equipoise
