#include <algorithm>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "images/check.h"
#include "images/decoders.h"

namespace equipoise::images {
namespace {

bool is_space(std::uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_digit(std::uint8_t c) { return c >= '0' && c <= '9'; }

/// Numbers in text.
class Scanner {
 public:
  explicit Scanner(Bytes bytes) : rest_(bytes) {}

  std::uint32_t number() {
    constexpr std::uint32_t kMost = 1U << 30U;
    std::uint32_t value = digit();
    while (!rest_.empty() && is_digit(rest_.front())) {
      value = 10 * value + take() - '0';
      if (value > kMost / 10) throw Error(fmt::format("a number in it begins with {}", value));
    }
    return value;
  }

  /// The next one, whatever stands behind it.
  std::uint32_t digit() {
    skip_space();
    if (!is_digit(rest_.front())) throw Error("where it should have a number, there is none");
    return take() - '0';
  }

  /// What follows the one space behind the last number.
  Bytes rest_behind_space() {
    if (!is_space(take())) throw Error("its header does not end");
    return rest_;
  }
  std::size_t left() const { return rest_.size(); }

 private:
  /// And comments. Something follows.
  void skip_space() {
    while (true) {
      if (rest_.empty()) throw Error("it is cut off");
      if (rest_.front() == '#') {
        while (!rest_.empty() && rest_.front() != '\n' && rest_.front() != '\r') take();
      } else if (is_space(rest_.front())) {
        take();
      } else {
        return;
      }
    }
  }

  std::uint8_t take() {
    if (rest_.empty()) throw Error("it is cut off");
    const std::uint8_t first = rest_.front();
    rest_ = rest_.subspan(1);
    return first;
  }

  Bytes rest_;
};

/// Bits, 1 being black, each row beginning with a byte.
void unpack_bits(Bytes bits, std::size_t width, std::span<std::uint8_t> pixels) {
  const std::size_t row_bytes = (width + 7) / 8;
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const std::size_t x = i % width;
    const std::uint32_t byte = bits[i / width * row_bytes + x / 8];
    pixels[i] = (byte >> (7 - x % 8) & 1U) != 0 ? 0 : 255;
  }
}

void require(bool there) {
  if (!there) throw Error("it is cut off");
}

}  // namespace

Decoded decode_pnm(Bytes bytes, const DecodeOptions& options) {
  const std::uint8_t kind = bytes[1];
  const bool in_bits = kind == '1' || kind == '4';
  const bool in_text = kind <= '3';
  Scanner scanner(bytes.subspan(2));
  const std::uint32_t width = scanner.number();
  const std::uint32_t height = scanner.number();
  check_pixels(width, height, options);
  const std::uint32_t most = in_bits ? 1 : scanner.number();
  if (most < 1 || most > 65535) {
    throw Error(fmt::format("its largest value is {}; that is from 1 to 65535", most));
  }

  const int channels = kind == '3' || kind == '6' ? 3 : 1;
  const std::size_t values = std::size_t{width} * height * static_cast<std::size_t>(channels);
  const auto scaled = [&](std::uint32_t value) {
    if (value > most) throw Error(fmt::format("it has the value {}, beyond {}", value, most));
    return static_cast<std::uint8_t>((value * 255 + most / 2) / most);
  };

  // Text has a digit, and unless it is bits a space before, for each value.
  if (in_text) require(scanner.left() >= (in_bits ? values : 2 * values));
  const Bytes raster = in_text ? Bytes() : scanner.rest_behind_space();
  const std::size_t value_bytes = most > 255 ? 2 : 1;
  if (!in_text) {
    require(raster.size() >=
            (in_bits ? (std::size_t{width} + 7) / 8 * height : values * value_bytes));
  }

  Image image = make_image(width, height, channels);
  std::vector<std::uint8_t>& pixels = image.pixels;
  if (kind == '1') {
    for (std::uint8_t& pixel : pixels) pixel = scaled(1 - std::min(scanner.digit(), 1U));
  } else if (in_text) {
    for (std::uint8_t& pixel : pixels) pixel = scaled(scanner.number());
  } else if (in_bits) {
    unpack_bits(raster, width, pixels);
  } else if (most == 255) {
    std::ranges::copy(raster.first(values), pixels.begin());
  } else if (value_bytes == 1) {
    std::ranges::transform(raster.first(values), pixels.begin(), scaled);
  } else {
    for (std::size_t i = 0; i < values; ++i) {
      pixels[i] = scaled(static_cast<std::uint32_t>(raster[2 * i]) << 8U | raster[2 * i + 1]);
    }
  }
  return {.image = std::move(image)};
}

}  // namespace equipoise::images
