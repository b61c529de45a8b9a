#pragma once

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace equipoise::testing {

/// One field of a protobuf message: a number (varint or fixed), or bytes (a string, a nested
/// message, packed values).
struct WireField {
  std::uint64_t number = 0;
  std::string_view bytes;
};

/// Fields of a protobuf message by tag, in order; enough of the wire format for ONNX's test
/// vectors.
inline std::multimap<int, WireField> read_message(std::string_view message) {
  std::size_t at = 0;
  const auto byte = [&] {
    if (at >= message.size()) throw std::runtime_error("truncated protobuf message");
    return static_cast<unsigned char>(message[at++]);
  };
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const unsigned char next = byte();
      value |= static_cast<std::uint64_t>(next & 0x7FU) << shift;
      if ((next & 0x80U) == 0) break;
    }
    return value;
  };
  const auto take = [&](std::uint64_t size) {
    if (size > message.size() - at) throw std::runtime_error("truncated protobuf message");
    const std::string_view bytes = message.substr(at, size);
    at += size;
    return bytes;
  };

  std::multimap<int, WireField> fields;
  while (at < message.size()) {
    const std::uint64_t key = varint();
    WireField field;
    switch (key & 7U) {
      case 0:
        field.number = varint();
        break;
      case 1:
        field.bytes = take(8);
        break;
      case 2:
        field.bytes = take(varint());
        break;
      case 5:
        field.bytes = take(4);
        break;
      default:
        throw std::runtime_error("unknown protobuf wire type");
    }
    fields.emplace(static_cast<int>(key >> 3U), field);
  }
  return fields;
}

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class T>
T from_bytes(std::string_view bytes, std::size_t index = 0) {
  T value{};
  if ((index + 1) * sizeof(T) > bytes.size()) throw std::runtime_error("truncated values");
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

}  // namespace equipoise::testing
