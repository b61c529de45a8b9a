#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct gzFile_s;

namespace equipoise::data {

/// A file, decompressed as it is read if it begins like one of gzip's.
class ByteReader {
 public:
  /// Throws Error for a file that cannot be opened.
  explicit ByteReader(const std::filesystem::path& path);

  /// Throws Error: the file's name, and what is wrong with it.
  [[noreturn]] void fail(std::string_view what) const;

  /// As many bytes as there are, up to the size of the buffer. Throws Error for a file that cannot
  /// be read or decompressed.
  std::size_t read(std::span<std::uint8_t> buffer);

  /// As many bytes as there are, up to `wanted`, in memory that grows as they come: a header may
  /// promise what the file does not hold. Throws Error for more than fit the memory.
  std::vector<std::uint8_t> read_up_to(std::size_t wanted);

 private:
  std::string path_;
  std::unique_ptr<gzFile_s, int (*)(gzFile_s*)> file_;
};

}  // namespace equipoise::data
