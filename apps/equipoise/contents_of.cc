#include "contents_of.h"

#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "equipoise/error.h"

namespace equipoise::program {

std::string contents_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || file.bad()) {
    throw Error(fmt::format("cannot read '{}'; is it there, and a file?", path.string()));
  }
  return text;
}

}  // namespace equipoise::program
