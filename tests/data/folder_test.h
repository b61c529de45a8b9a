#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include <zlib.h>

#include "base/temporary_folder.h"

namespace equipoise::testing {

/// A test with data sets in a folder of its own.
class FolderTest : public TemporaryFolder {
 protected:
  std::filesystem::path write(const std::string& name, const std::string& bytes) const {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    TemporaryFolder::write(path, bytes);
    return path;
  }

  std::filesystem::path write_compressed(const std::string& name, const std::string& bytes) const {
    const std::filesystem::path path = folder_ / name;
    const gzFile file = gzopen(path.c_str(), "wb");
    gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
    gzclose(file);
    return path;
  }
};

}  // namespace equipoise::testing
