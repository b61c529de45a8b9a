// libpng. Its errors arrive by longjmp, which must not jump over destructors: calls that can fail
// stand in steps of `Reader::run`, which have none.

#include <algorithm>
#include <array>
#include <bit>
#include <csetjmp>
#include <vector>

#include <fmt/format.h>
#include <png.h>

#include "equipoise/error.h"
#include "images/byte_reader.h"
#include "images/check.h"
#include "images/decoders.h"
#include "images/orientation.h"

namespace equipoise::images {
namespace {

class Reader {
 public:
  explicit Reader(Bytes bytes)
      : rest_(bytes),
        png_(png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning)),
        info_(png_ == nullptr ? nullptr : png_create_info_struct(png_)) {
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      throw Error("there is no memory to read it with");
    }
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { png_destroy_read_struct(&png_, &info_, nullptr); }

  template <class Step>
  void run(Step step) {
    if (setjmp(png_jmpbuf(png_)) != 0) {
      throw Error(fmt::format("it is damaged or cut off ({})", message_.data()));
    }
    step(png_, info_);
  }

  void open() {
    run([this](png_structp png, png_infop info) {
      png_set_read_fn(png, this, on_read);
      // Texts and color profiles may inflate to anything, and nobody looks at them.
      png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
      png_read_info(png, info);
    });
  }

  std::int64_t width() const { return png_get_image_width(png_, info_); }
  std::int64_t height() const { return png_get_image_height(png_, info_); }
  bool is_grey() const { return (png_get_color_type(png_, info_) & PNG_COLOR_MASK_COLOR) == 0; }

 private:
  [[noreturn]] static void on_error(png_structp png, png_const_charp message) {
    auto& text = static_cast<Reader*>(png_get_error_ptr(png))->message_;
    *fmt::format_to_n(text.data(), text.size() - 1, "{}", message).out = '\0';
    png_longjmp(png, 1);
  }
  static void on_warning(png_structp /*png*/, png_const_charp /*message*/) {}

  static void on_read(png_structp png, png_bytep to, std::size_t size) {
    Bytes& rest = static_cast<Reader*>(png_get_io_ptr(png))->rest_;
    if (size > rest.size()) png_error(png, "the end is missing");
    std::ranges::copy(rest.first(size), to);
    rest = rest.subspan(size);
  }

  Bytes rest_;
  std::array<char, 128> message_ = {};
  png_structp png_;
  png_infop info_;
};

/// Goes through the chunks of the file: size, name, bytes, checksum. libpng would take as much
/// memory for the Exif data as they claim to need.
int orientation_of(Bytes bytes) {
  constexpr std::uint32_t kExif = 0x65584966;  // "eXIf"
  const ByteReader reader(bytes, std::endian::big);
  for (std::size_t at = 8; at + 12 <= bytes.size();) {
    const std::size_t size = reader.u32(at);
    if (reader.u32(at + 4) == kExif) return exif_orientation(reader.part(at + 8, size));
    at += 12 + size;
  }
  return 1;
}

}  // namespace

Decoded decode_png(Bytes bytes, const DecodeOptions& options) {
  Reader reader(bytes);
  reader.open();
  check_pixels(reader.width(), reader.height(), options);
  Image image = make_image(reader.width(), reader.height(), reader.is_grey() ? 1 : 3);
  const std::size_t stride =
      static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.channels);
  std::vector<png_bytep> rows(static_cast<std::size_t>(image.height));
  for (std::size_t y = 0; y < rows.size(); ++y) rows[y] = image.pixels.data() + y * stride;

  reader.run([&](png_structp png, png_infop info) {
    png_set_palette_to_rgb(png);
    png_set_expand_gray_1_2_4_to_8(png);
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    if (png_get_rowbytes(png, info) != stride) png_error(png, "its rows have another length");
    png_read_image(png, rows.data());
    png_read_end(png, info);
  });
  return {.image = std::move(image), .orientation = orientation_of(bytes)};
}

}  // namespace equipoise::images
