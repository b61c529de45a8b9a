#include "contents_of.h"

#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "equipoise/error.h"

namespace equipoise::program {

std::string contents_of(const std::filesystem::path& path) {
  try {
    std::ifstream file(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    if (file.is_open() && !file.bad()) return text;
  } catch (const std::ios_base::failure&) {
    // A folder can be opened, and is found to be one when it is read.
  }
  throw Error(fmt::format("cannot read '{}'; is it there, and a file?", path.string()));
}

}  // namespace equipoise::program
