#include <algorithm>
#include <array>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "images/decoders.h"
#include "images/orientation.h"

namespace equipoise {
namespace images {

void check_pixels(std::int64_t width, std::int64_t height, const DecodeOptions& options) {
  if (width < 1 || height < 1) {
    throw Error(fmt::format("it has {} × {} pixels, that is none", width, height));
  }
  if (width > options.max_pixels / height) {
    throw Error(
        fmt::format("it has {} × {} pixels, more than the {} that DecodeOptions::max_pixels allows",
                    width, height, options.max_pixels));
  }
}

namespace {

bool has(Bytes bytes, std::size_t offset, std::string_view text) {
  return bytes.size() >= offset + text.size() &&
         std::ranges::equal(bytes.subspan(offset, text.size()), text, {}, {},
                            [](char c) { return static_cast<std::uint8_t>(c); });
}

bool is_pnm(Bytes bytes) {
  return bytes.size() > 2 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6' &&
         (bytes[2] == '#' || bytes[2] == ' ' || (bytes[2] >= '\t' && bytes[2] <= '\r'));
}

struct Format {
  std::string_view name;
  bool (*begins)(Bytes);
  /// Null: known, but not read.
  Decoded (*decode)(Bytes, const DecodeOptions&);
};

constexpr std::string_view kRead = "JPEG, PNG, WebP, BMP and PNM";
const auto kFormats = std::to_array<Format>({
    {"JPEG", [](Bytes b) { return has(b, 0, "\xFF\xD8\xFF"); }, decode_jpeg},
    {"PNG", [](Bytes b) { return has(b, 0, "\x89PNG\r\n\x1A\n"); }, decode_png},
    {"WebP", [](Bytes b) { return has(b, 0, "RIFF") && has(b, 8, "WEBP"); }, decode_webp},
    {"BMP", [](Bytes b) { return has(b, 0, "BM"); }, decode_bmp},
    {"PNM", is_pnm, decode_pnm},
    {"GIF", [](Bytes b) { return has(b, 0, "GIF8"); }, nullptr},
    {"TIFF",
     [](Bytes b) {
       return has(b, 0, std::string_view("II*\0", 4)) || has(b, 0, std::string_view("MM\0*", 4));
     },
     nullptr},
    {"AVIF", [](Bytes b) { return has(b, 4, "ftypavif"); }, nullptr},
    {"HEIC", [](Bytes b) { return has(b, 4, "ftyphei") || has(b, 4, "ftypmif1"); }, nullptr},
    {"JPEG XL", [](Bytes b) { return has(b, 0, "\xFF\x0A") || has(b, 4, "JXL "); }, nullptr},
});

/// The owner of the bytes begins every message.
Image decode(Bytes bytes, const DecodeOptions& options, std::string_view owner) {
  if (options.shorter_side < 0 || options.max_pixels < 1) {
    throw Error(
        fmt::format("decoding with shorter_side {} and max_pixels {}; they have to be at "
                    "least 0 and 1",
                    options.shorter_side, options.max_pixels));
  }
  const auto* format =
      std::ranges::find_if(kFormats, [&](const Format& one) { return one.begins(bytes); });
  if (format == kFormats.end()) {
    throw Error(fmt::format("{} is {}; {} are read", owner,
                            bytes.empty() ? "empty" : "no image in a format that is known", kRead));
  }
  if (format->decode == nullptr) {
    throw Error(fmt::format("{} is in the format {}; {} are read: convert it to one of these",
                            owner, format->name, kRead));
  }
  try {
    Decoded decoded = format->decode(bytes, options);
    return oriented(std::move(decoded.image), decoded.orientation);
  } catch (const Error& error) {
    throw Error(fmt::format("{} ({}): {}", owner, format->name, error.what()));
  }
}

std::vector<std::uint8_t> read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) {
    throw Error(fmt::format("cannot open '{}'; is it a file, and may it be read?", path.string()));
  }
  // The size is believed as far as it saves growing; what counts is what comes.
  constexpr std::size_t kMost = std::size_t{1} << 30U;
  std::error_code unknown;
  const std::uintmax_t size = std::filesystem::file_size(path, unknown);
  std::vector<std::uint8_t> bytes(unknown ? 0 : std::min<std::uintmax_t>(size, kMost));
  for (std::size_t done = 0; done <= kMost;) {
    constexpr std::size_t kMore = std::size_t{1} << 16U;
    if (done == bytes.size()) bytes.resize(done + std::max(done, kMore));
    file.read(reinterpret_cast<char*>(bytes.data() + done),
              static_cast<std::streamsize>(bytes.size() - done));
    done += static_cast<std::size_t>(file.gcount());
    if (file.eof() || file.peek() == std::ifstream::traits_type::eof()) {
      if (file.bad()) throw Error(fmt::format("'{}' cannot be read to its end", path.string()));
      bytes.resize(done);
      return bytes;
    }
  }
  throw Error(
      fmt::format("'{}' has more than {} bytes, too many for an image", path.string(), kMost));
}

}  // namespace
}  // namespace images

Image decode_image(std::span<const std::uint8_t> bytes, const DecodeOptions& options) {
  return images::decode(bytes, options, "the image");
}

Image read_image(const std::filesystem::path& path, const DecodeOptions& options) {
  return images::decode(images::read_bytes(path), options, fmt::format("'{}'", path.string()));
}

}  // namespace equipoise
