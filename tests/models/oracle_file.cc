#include "models/oracle_file.h"

#include <fmt/format.h>

#include "equipoise/error.h"

namespace equipoise::testing {
namespace {

template <class T>
T read_one(std::istream& file) {
  T value{};
  file.read(reinterpret_cast<char*>(&value), sizeof(value));
  return value;
}

template <class T>
std::vector<double> read_values(std::istream& file, std::size_t count) {
  std::vector<T> values(count);
  file.read(reinterpret_cast<char*>(values.data()),
            static_cast<std::streamsize>(count * sizeof(T)));
  return {values.begin(), values.end()};
}

}  // namespace

OracleFile::OracleFile(const std::filesystem::path& path)
    : path_(path), file_(path, std::ios::binary) {
  if (!file_) throw Error(fmt::format("cannot open '{}'", path.string()));
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(path));
  while (file_.tellg() < size) {
    std::string name(read_one<std::uint32_t>(file_), ' ');
    file_.read(name.data(), static_cast<std::streamsize>(name.size()));
    Tensor tensor;
    tensor.bytes_per_value = read_one<std::uint32_t>(file_);
    std::vector<std::int64_t> dimensions(read_one<std::uint32_t>(file_));
    for (std::int64_t& dimension : dimensions) dimension = read_one<std::int64_t>(file_);
    tensor.shape = Shape(std::span<const std::int64_t>(dimensions));
    tensor.offset = file_.tellg();
    const std::int64_t bytes = tensor.shape.element_count() * tensor.bytes_per_value;
    file_.seekg(bytes, std::ios::cur);
    if (!file_ || file_.tellg() > size) {
      throw Error(fmt::format("'{}' ends within '{}'", path.string(), name));
    }
    tensors_.emplace(std::move(name), tensor);
  }
}

Array OracleFile::read(const std::string& name) {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    throw Error(fmt::format("'{}' has no tensor '{}'", path_.string(), name));
  }
  const Tensor& tensor = found->second;
  Array array(tensor.shape);
  file_.seekg(tensor.offset);
  array.values = tensor.bytes_per_value == sizeof(float)
                     ? read_values<float>(file_, array.values.size())
                     : read_values<double>(file_, array.values.size());
  return array;
}

std::vector<std::string> OracleFile::names(std::string_view prefix) const {
  std::vector<std::string> found;
  for (auto it = tensors_.lower_bound(prefix);
       it != tensors_.end() && it->first.starts_with(prefix); ++it) {
    found.push_back(it->first.substr(prefix.size()));
  }
  return found;
}

}  // namespace equipoise::testing
