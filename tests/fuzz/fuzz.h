#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <unistd.h>

#include "equipoise/data.h"
#include "equipoise/error.h"

namespace equipoise::fuzz {

/// Lets a reader read: whatever it cannot read, it has one answer to, Error.
template <class Read>
int try_to(const Read& read) {
  try {
    read();
  } catch (const Error&) {
  }
  return 0;
}

/// Ends the run, and so saves the input, where something does not hold.
inline void require(bool holds) {
  if (!holds) std::abort();
}

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Every image can be read, and has a class.
inline void read_all(const Dataset& dataset) {
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    require(static_cast<std::size_t>(dataset.label(i)) < dataset.class_names().size());
    static_cast<void>(dataset.image(i));
  }
}

/// A folder, in memory where there is a place for that.
class Folder {
 public:
  Folder() { std::filesystem::create_directories(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  const std::filesystem::path& path() const { return path_; }

  std::filesystem::path write(std::string_view name, std::string_view content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
    return path_ / name;
  }

 private:
  static std::filesystem::path parent() {
    return std::filesystem::is_directory("/dev/shm") ? "/dev/shm"
                                                     : std::filesystem::temp_directory_path();
  }

  static inline int count_ = 0;
  std::filesystem::path path_ =
      parent() / ("equipoise_fuzz_" + std::to_string(getpid()) + "_" + std::to_string(count_++));
};

}  // namespace equipoise::fuzz
