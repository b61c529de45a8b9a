#include "formats/safetensors.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "equipoise/error.h"
#include "equipoise/tensor.h"
#include "formats/safetensors_header.h"

namespace equipoise::formats {
namespace {

static_assert(std::endian::native == std::endian::little,
              "elements are read and written as they lie");

constexpr std::size_t kLength = sizeof(std::uint64_t);
constexpr std::uint64_t kMostHeaderBytes = 100'000'000;

/// Bytes of a tensor of this shape; none for more than 2⁶³.
std::uint64_t byte_count(StoredType type, const std::vector<std::int64_t>& shape) {
  std::uint64_t bytes = size_of(type);
  for (const std::int64_t size : shape) {
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes)) {
      throw Error("its shape is of more elements than can be counted");
    }
  }
  return bytes;
}

/// The header's tensors in the order of their elements, which have to fill `size` bytes.
void check_places(std::vector<HeaderEntry>& entries, std::uint64_t size) {
  std::ranges::stable_sort(entries, {},
                           [](const HeaderEntry& e) { return std::pair(e.begin, e.end); });
  std::uint64_t filled = 0;
  for (const HeaderEntry& entry : entries) {
    if (entry.begin > entry.end || entry.end > size) {
      throw Error(fmt::format("tensor '{}' is at bytes {} to {} of {}", entry.name, entry.begin,
                              entry.end, size));
    }
    if (entry.begin != filled) {
      throw Error(fmt::format("tensor '{}' begins at byte {}, the one before ends at {}",
                              entry.name, entry.begin, filled));
    }
    std::uint64_t expected = 0;
    try {
      expected = byte_count(entry.type, entry.shape);
    } catch (const Error& error) {
      throw Error(fmt::format("tensor '{}': {}", entry.name, error.what()));
    }
    if (expected != entry.end - entry.begin) {
      throw Error(fmt::format("tensor '{}' of type {} and shape ({}) has {} bytes in place of {}",
                              entry.name, to_string(entry.type), fmt::join(entry.shape, ", "),
                              entry.end - entry.begin, expected));
    }
    filled = entry.end;
  }
  if (filled != size) {
    throw Error(fmt::format("its tensors have {} bytes, but {} are there", filled, size));
  }
}

Safetensors parse(std::span<const std::byte> file) {
  std::uint64_t length = 0;
  if (file.size() < kLength) throw Error("it is shorter than the length of its header");
  std::memcpy(&length, file.data(), kLength);
  if (length > kMostHeaderBytes) {
    throw Error(fmt::format("it is no safetensors file: its header would have {} bytes", length));
  }
  if (length > file.size() - kLength) throw Error("it ends within its header");
  SafetensorsHeader header =
      parse_header({reinterpret_cast<const char*>(file.data()) + kLength, length});
  const std::span<const std::byte> elements = file.subspan(kLength + length);
  check_places(header.entries, elements.size());

  Safetensors content{.tensors = {}, .metadata = std::move(header.metadata)};
  for (HeaderEntry& entry : header.entries) {
    content.tensors.push_back({.name = std::move(entry.name),
                               .type = entry.type,
                               .shape = std::move(entry.shape),
                               .bytes = elements.subspan(entry.begin, entry.end - entry.begin)});
  }
  return content;
}

float from_half(std::uint16_t bits) {
  const int exponent = bits >> 10U & 0x1FU;
  const auto mantissa = static_cast<float>(bits & 0x3FFU);
  float value = 0;
  if (exponent == 0) {
    value = std::ldexp(mantissa, -24);
  } else if (exponent < 31) {
    value = std::ldexp(mantissa + 1024, exponent - 25);
  } else {
    value = mantissa == 0 ? INFINITY : NAN;
  }
  return std::copysign(value, (bits & 0x8000U) != 0 ? -1.0F : 1.0F);
}

template <class Stored, class Convert>
std::vector<float> converted(std::span<const std::byte> bytes, Convert convert) {
  std::vector<float> values(bytes.size() / sizeof(Stored));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Stored stored;  // elements need not be aligned in a file
    std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    values[i] = convert(stored);
  }
  return values;
}

}  // namespace

Safetensors parse_safetensors(std::span<const std::byte> file, std::string_view where) {
  try {
    return parse(file);
  } catch (const Error& error) {
    throw Error(fmt::format("'{}': {}", where, error.what()));
  }
}

std::vector<std::byte> write_safetensors(const Safetensors& content) {
  SafetensorsHeader header{.entries = {}, .metadata = content.metadata};
  std::uint64_t at = 0;
  for (const StoredTensor& tensor : content.tensors) {
    const std::uint64_t end = at + tensor.bytes.size();
    header.entries.push_back(
        {.name = tensor.name, .type = tensor.type, .shape = tensor.shape, .begin = at, .end = end});
    at = end;
  }
  check_places(header.entries, at);
  std::string json = write_header(header);
  json.resize((json.size() + 7) / 8 * 8, ' ');  // elements begin at a multiple of 8, as is usual
  const std::uint64_t length = json.size();
  std::vector<std::byte> file(kLength + json.size() + at);
  std::memcpy(file.data(), &length, kLength);
  std::ranges::copy(std::as_bytes(std::span(json)), file.data() + kLength);
  std::byte* to = file.data() + kLength + json.size();
  for (const StoredTensor& tensor : content.tensors) to = std::ranges::copy(tensor.bytes, to).out;
  return file;
}

std::vector<float> to_f32(const StoredTensor& tensor) {
  const auto cast = [](auto value) { return static_cast<float>(value); };
  switch (tensor.type) {
    case StoredType::kF64:
      return converted<double>(tensor.bytes, cast);
    case StoredType::kF32:
      return converted<float>(tensor.bytes, cast);
    case StoredType::kF16:
      return converted<std::uint16_t>(tensor.bytes, from_half);
    case StoredType::kBF16:
      return converted<BFloat16>(tensor.bytes, cast);
    case StoredType::kI64:
      return converted<std::int64_t>(tensor.bytes, cast);
    case StoredType::kI32:
      return converted<std::int32_t>(tensor.bytes, cast);
    case StoredType::kU8:
      return converted<std::uint8_t>(tensor.bytes, cast);
  }
  return {};
}

}  // namespace equipoise::formats
