#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace equipoise::formats {

/// How a safetensors file stores elements; little-endian.
enum class StoredType : std::uint8_t { kF64, kF32, kF16, kBF16, kI64, kI32, kU8 };

std::size_t size_of(StoredType type);
/// "F32", as in the file.
const char* to_string(StoredType type);

/// A tensor in or for a file, row-major; `bytes` belong to somebody else.
struct StoredTensor {
  std::string name;
  StoredType type = StoredType::kF32;
  std::vector<std::int64_t> shape = {};
  std::span<const std::byte> bytes = {};
};

/// A file of tensors: 8 bytes with the length of a JSON header, the header with each tensor's name,
/// type, shape and place, and the elements, without gaps.
struct Safetensors {
  /// In the order of their elements.
  std::vector<StoredTensor> tensors = {};
  std::map<std::string, std::string> metadata = {};
};

/// Reads a file that is in memory, into which the tensors' bytes point; `where` names it in errors.
///
/// Throws Error for a header that is cut off, longer than 100 MB, or not of that form, unknown
/// types, names or keys that come twice, sizes that do not match shapes, and elements that are out
/// of range, overlap, or leave some of the file over. What it takes in memory is proportional to
/// the header's length.
Safetensors parse_safetensors(std::span<const std::byte> file, std::string_view where);

/// The bytes of a file. Throws Error for a name that comes twice or is "__metadata__", and for
/// bytes that do not match a shape.
std::vector<std::byte> write_safetensors(const Safetensors& content);

/// The elements as f32; of f64 and of integers rounded to the nearest.
std::vector<float> to_f32(const StoredTensor& tensor);

}  // namespace equipoise::formats
