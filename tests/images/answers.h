#pragma once

#include <bit>
#include <cstdlib>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "equipoise/image.h"

namespace equipoise::testing {

static_assert(std::endian::native == std::endian::little);

/// What a Python program has written: values in this machine's order, cases up to the end.
class Answers {
 public:
  explicit Answers(const std::string& path) : path_(path), file_(path, std::ios::binary) {}

  bool has_next() { return file_.peek() != std::ifstream::traits_type::eof(); }
  bool complete() const { return static_cast<bool>(file_); }

  template <class T>
  T value() {
    T value{};
    file_.read(reinterpret_cast<char*>(&value), sizeof(value));
    return value;
  }

  /// std::string or a vector of bytes.
  template <class Text>
  Text text(std::size_t size) {
    Text text(size, {});
    file_.read(reinterpret_cast<char*>(text.data()), static_cast<std::streamsize>(size));
    return text;
  }

  Image pixels(int width, int height, int channels) {
    const std::size_t size = static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
                             static_cast<std::size_t>(channels);
    return {.width = width,
            .height = height,
            .channels = channels,
            .pixels = text<std::vector<std::uint8_t>>(size)};
  }

  /// To be called behind all cases: without Pillow there are none.
  void require(int cases, int at_least) const {
    if (cases >= at_least) return;
    ASSERT_EQ(std::getenv("EQUIPOISE_REQUIRE_ORACLES"), nullptr)
        << "no answers of Pillow in " << path_;
    GTEST_SKIP() << "no answers of Pillow in " << path_
                 << ": install python3-pil and run ctest, which writes them first";
  }

 private:
  std::string path_;
  std::ifstream file_;
};

}  // namespace equipoise::testing
