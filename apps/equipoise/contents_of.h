#pragma once

#include <filesystem>
#include <string>

namespace equipoise::program {

/// All of a file. Throws Error for one that cannot be read.
std::string contents_of(const std::filesystem::path& path);

}  // namespace equipoise::program
