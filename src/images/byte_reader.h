#pragma once

#include <bit>
#include <cstdint>

#include "equipoise/error.h"
#include "images/decoders.h"

namespace equipoise::images {

/// Numbers at offsets into bytes that nobody vouches for. Beyond the end there is an Error.
class ByteReader {
 public:
  ByteReader(Bytes bytes, std::endian order) : bytes_(bytes), order_(order) {}

  std::uint32_t u8(std::size_t offset) const { return number(offset, 1); }
  std::uint32_t u16(std::size_t offset) const { return number(offset, 2); }
  std::uint32_t u32(std::size_t offset) const { return number(offset, 4); }

  Bytes part(std::size_t offset, std::size_t size) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset) throw Error("it is cut off");
    return bytes_.subspan(offset, size);
  }

 private:
  std::uint32_t number(std::size_t offset, std::size_t size) const {
    const Bytes digits = part(offset, size);
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      value = value << 8U | digits[order_ == std::endian::big ? i : size - 1 - i];
    }
    return value;
  }

  Bytes bytes_;
  std::endian order_;
};

}  // namespace equipoise::images
