#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "graph/array.h"

namespace equipoise::testing {

/// A file of pytorch_networks.py, which says what is in it. Values are read when they are asked
/// for, f32 and f64 alike as f64.
class OracleFile {
 public:
  /// Throws Error for a file that cannot be opened or ends within a tensor.
  explicit OracleFile(const std::filesystem::path& path);

  bool has(const std::string& name) const { return tensors_.contains(name); }
  /// Throws Error for a tensor that is not there.
  Array read(const std::string& name);
  /// Those that begin with the prefix, without it.
  std::vector<std::string> names(std::string_view prefix) const;

 private:
  struct Tensor {
    Shape shape;
    std::uint32_t bytes_per_value = 0;
    std::streamoff offset = 0;
  };

  std::filesystem::path path_;
  std::ifstream file_;
  std::map<std::string, Tensor, std::less<>> tensors_;
};

}  // namespace equipoise::testing
