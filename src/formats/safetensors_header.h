#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "formats/safetensors.h"

namespace equipoise::formats {

/// What the header says of a tensor.
struct HeaderEntry {
  std::string name;
  StoredType type = StoredType::kF32;
  std::vector<std::int64_t> shape = {};
  /// Among the elements, in bytes.
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<HeaderEntry> entries = {};
  std::map<std::string, std::string> metadata = {};
};

/// Reads {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …, "__metadata__":
/// {"key": "value", …}} and nothing else. Throws Error with what is wrong.
SafetensorsHeader parse_header(std::string_view json);

std::string write_header(const SafetensorsHeader& header);

}  // namespace equipoise::formats
