// libjpeg-turbo. Its errors arrive by longjmp, which must not jump over destructors: calls that can
// fail stand in steps of `Decompressor::run`, which have none.

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>
#include <jpeglib.h>
// Behind jpeglib.h, which says what it has.
#include <jerror.h>

#include "equipoise/error.h"
#include "images/check.h"
#include "images/decoders.h"
#include "images/orientation.h"

namespace equipoise::images {
namespace {

/// Whether parts of the image are missing. The other warnings are about what does not matter.
bool loses_pixels(int warning) {
  switch (warning) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
      return true;
    default:
      return false;
  }
}

struct ErrorManager : jpeg_error_mgr {
  std::jmp_buf back = {};
  std::array<char, JMSG_LENGTH_MAX> message = {};
};

[[noreturn]] void fail(j_common_ptr common) {
  auto* errors = static_cast<ErrorManager*>(common->err);
  errors->format_message(common, errors->message.data());
  std::longjmp(errors->back, 1);
}

void on_message(j_common_ptr common, int level) {
  constexpr int kWarning = -1;
  if (level == kWarning && loses_pixels(common->err->msg_code)) fail(common);
}

/// Thousands of scans of one image are an attack: each goes over all of it.
void on_progress(j_common_ptr common) {
  constexpr int kMostScans = 500;
  if (reinterpret_cast<j_decompress_ptr>(common)->input_scan_number <= kMostScans) return;
  auto* errors = static_cast<ErrorManager*>(common->err);
  *fmt::format_to_n(errors->message.data(), errors->message.size() - 1, "it has more than {} scans",
                    kMostScans)
       .out = '\0';
  std::longjmp(errors->back, 1);
}

class Decompressor {
 public:
  Decompressor() {
    state.err = jpeg_std_error(&errors_);
    errors_.error_exit = fail;
    errors_.emit_message = on_message;
    progress_.progress_monitor = on_progress;
  }
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;
  ~Decompressor() { jpeg_destroy_decompress(&state); }

  template <class Step>
  void run(Step step) {
    if (setjmp(errors_.back) != 0) {
      throw Error(fmt::format("it is damaged or cut off ({})", errors_.message.data()));
    }
    step(state);
  }

  void open(Bytes bytes) {
    run([&](jpeg_decompress_struct& s) {
      jpeg_create_decompress(&s);
      s.progress = &progress_;
      jpeg_mem_src(&s, bytes.data(), bytes.size());
      jpeg_save_markers(&s, kExif, 0xFFFF);
      jpeg_read_header(&s, TRUE);
    });
  }

  int orientation() const {
    for (const jpeg_marker_struct* m = state.marker_list; m != nullptr; m = m->next) {
      if (m->data_length >= 6 && std::memcmp(m->data, "Exif\0", 6) == 0) {
        return exif_orientation({m->data, m->data_length});
      }
    }
    return 1;
  }

  jpeg_decompress_struct state = {};

 private:
  static constexpr int kExif = JPEG_APP0 + 1;

  ErrorManager errors_ = {};
  jpeg_progress_mgr progress_ = {};
};

J_COLOR_SPACE output_of(J_COLOR_SPACE stored) {
  switch (stored) {
    case JCS_GRAYSCALE:
      return JCS_GRAYSCALE;
    case JCS_RGB:
    case JCS_YCbCr:
      return JCS_RGB;
    case JCS_CMYK:
    case JCS_YCCK:
      return JCS_CMYK;
    default:
      throw Error("it is neither grey nor RGB, YCbCr, CMYK or YCCK");
  }
}

/// The largest of 2, 4, 8 that leaves the shorter side long enough.
unsigned reduction(const jpeg_decompress_struct& state, const DecodeOptions& options) {
  if (options.shorter_side == 0) return 1;
  const auto wanted = static_cast<unsigned>(options.shorter_side);
  unsigned by = 1;
  while (by < 8 && std::min(state.image_width, state.image_height) / (2 * by) >= wanted) by *= 2;
  return by;
}

/// As Adobe's programs store it, and all readers assume: 255 is no ink.
void cmyk_to_rgb(const std::uint8_t* cmyk, std::size_t width, std::uint8_t* rgb) {
  for (std::size_t x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    const unsigned light = cmyk[3];
    for (std::size_t c = 0; c < 3; ++c) {
      const unsigned ink = (255U - cmyk[c]) * light + 128U;
      rgb[c] = static_cast<std::uint8_t>(light - ((ink + (ink >> 8U)) >> 8U));
    }
  }
}

}  // namespace

Decoded decode_jpeg(Bytes bytes, const DecodeOptions& options) {
  Decompressor jpeg;
  jpeg.open(bytes);
  jpeg_decompress_struct& state = jpeg.state;
  check_pixels(state.image_width, state.image_height, options);
  state.out_color_space = output_of(state.jpeg_color_space);
  state.scale_num = 1;
  state.scale_denom = reduction(state, options);
  jpeg.run([](jpeg_decompress_struct& s) { jpeg_start_decompress(&s); });

  Image image = make_image(state.output_width, state.output_height,
                           state.out_color_space == JCS_GRAYSCALE ? 1 : 3);
  const auto width = static_cast<std::size_t>(image.width);
  const std::size_t stride = width * static_cast<std::size_t>(image.channels);
  const bool cmyk = state.out_color_space == JCS_CMYK;
  std::vector<std::uint8_t> inks(cmyk ? 4 * width : 0);
  jpeg.run([&](jpeg_decompress_struct& s) {
    while (s.output_scanline < s.output_height) {
      std::uint8_t* const to = image.pixels.data() + s.output_scanline * stride;
      JSAMPROW row = cmyk ? inks.data() : to;
      jpeg_read_scanlines(&s, &row, 1);
      if (cmyk) cmyk_to_rgb(row, width, to);
    }
  });
  return {.image = std::move(image), .orientation = jpeg.orientation()};
}

}  // namespace equipoise::images
