#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace equipoise::run {

/// An open file or folder, by its descriptor; closed with its owner.
class File {
 public:
  /// As open(2). Throws Error, with path and reason.
  File(std::filesystem::path path, int flags);
  ~File();
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;

  int descriptor() const { return descriptor_; }

  /// Throws Error unless all of it could be written.
  void write(std::string_view bytes) const;
  /// Until it is on the disk. Throws Error.
  void sync() const;
  /// "cannot write '…': No space left on device", thrown as Error.
  [[noreturn]] void fail(std::string_view what, int reason) const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

/// The end of names of files that are being written.
inline constexpr std::string_view kTemporary = ".tmp";

/// All of a file. Throws Error for one that cannot be read or is larger than the memory.
std::vector<std::byte> read_file(const std::filesystem::path& path);

/// So that names in it are on the disk.
void sync_folder(const std::filesystem::path& folder);

}  // namespace equipoise::run
