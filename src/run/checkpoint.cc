#include "run/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "formats/safetensors.h"
#include "run/crc32c.h"
#include "run/files.h"

namespace equipoise::run {
namespace {

using formats::Safetensors;
using formats::StoredTensor;
using formats::StoredType;

constexpr const char* kStep = "step";
constexpr const char* kScore = "score";
constexpr const char* kChecksum = "checksum";
constexpr std::string_view kZeros = "00000000";

/// Where the checksum's digits are. No other text of a header reads so: within one, quotation marks
/// have a backslash before them, and a tensor of that name is followed by an object.
std::optional<std::size_t> place_of_checksum(std::span<const std::byte> file) {
  constexpr std::string_view kKey = R"("checksum":")";
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  const std::size_t key = text.find(kKey);
  if (key == std::string_view::npos || key + kKey.size() + kZeros.size() > text.size()) return {};
  return key + kKey.size();
}

/// Of the file as if its digits were 0.
std::string checksum_at(std::span<const std::byte> file, std::size_t place) {
  std::uint32_t crc = crc32c(file.first(place));
  crc = crc32c(std::as_bytes(std::span(kZeros)), crc);
  return fmt::format("{:08x}", crc32c(file.subspan(place + kZeros.size()), crc));
}

template <class Number>
Number number(const std::map<std::string, std::string>& metadata, const char* key) {
  const auto found = metadata.find(key);
  Number value{};
  if (found != metadata.end()) {
    const std::string& text = found->second;
    const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && stopped == text.data() + text.size()) return value;
  }
  throw Error(fmt::format("it is no checkpoint: its '{}' is no number", key));
}

template <class Element>
std::vector<Element> elements_of(const StoredTensor& tensor) {
  std::vector<Element> values(tensor.bytes.size() / sizeof(Element));
  if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

CheckpointTensor loaded(StoredTensor& tensor) {
  CheckpointTensor loaded{.name = std::move(tensor.name),
                          .shape = Shape(std::span<const std::int64_t>(tensor.shape)),
                          .values = {}};
  if (tensor.type == StoredType::kF32) {
    loaded.values = elements_of<float>(tensor);
  } else if (tensor.type == StoredType::kI64) {
    loaded.values = elements_of<std::int64_t>(tensor);
  } else {
    throw Error(fmt::format("tensor '{}' is of {}; checkpoints have F32 and I64", loaded.name,
                            to_string(tensor.type)));
  }
  return loaded;
}

}  // namespace

std::vector<std::byte> write_checkpoint(std::int64_t step, std::span<const CheckpointView> tensors,
                                        const std::map<std::string, std::string>& facts,
                                        std::optional<double> score) {
  Safetensors content{.tensors = {}, .metadata = facts};
  for (const char* ours : {kStep, kScore, kChecksum}) {
    if (facts.contains(ours)) throw Error(fmt::format("a checkpoint sets its '{}' itself", ours));
  }
  content.metadata[kStep] = std::to_string(step);
  if (score) content.metadata[kScore] = fmt::format("{}", *score);
  content.metadata[kChecksum] = kZeros;
  for (const CheckpointView& tensor : tensors) {
    const auto dimensions = tensor.shape.dimensions();
    content.tensors.push_back(
        {.name = tensor.name,
         .type = tensor.values.index() == 0 ? StoredType::kF32 : StoredType::kI64,
         .shape = {dimensions.begin(), dimensions.end()},
         .bytes = std::visit([](auto values) { return std::as_bytes(values); }, tensor.values)});
  }
  std::vector<std::byte> file = formats::write_safetensors(content);
  const auto place = place_of_checksum(file);
  const std::string checksum = checksum_at(file, place.value());
  std::ranges::copy(std::as_bytes(std::span(checksum)),
                    file.begin() + static_cast<std::ptrdiff_t>(*place));
  return file;
}

ScoredCheckpoint parse_checkpoint(std::span<const std::byte> file, std::string_view where) {
  Safetensors content = formats::parse_safetensors(file, where);
  const auto place = place_of_checksum(file);
  const auto stored = content.metadata.find(kChecksum);
  if (!place || stored == content.metadata.end()) {
    throw Error(fmt::format("'{}': it is no checkpoint: it has no checksum", where));
  }
  if (checksum_at(file, *place) != stored->second) {
    throw Error(fmt::format("'{}': it was altered: its checksum is not that of its bytes", where));
  }
  try {
    ScoredCheckpoint result{.checkpoint = {.step = number<std::int64_t>(content.metadata, kStep),
                                           .tensors = {},
                                           .facts = std::move(content.metadata),
                                           .path = {}},
                            .score = {}};
    std::map<std::string, std::string>& facts = result.checkpoint.facts;
    if (facts.contains(kScore)) result.score = number<double>(facts, kScore);
    for (const char* ours : {kStep, kScore, kChecksum}) facts.erase(ours);
    for (StoredTensor& tensor : content.tensors)
      result.checkpoint.tensors.push_back(loaded(tensor));
    return result;
  } catch (const Error& error) {
    throw Error(fmt::format("'{}': {}", where, error.what()));
  }
}

}  // namespace equipoise::run

namespace equipoise {

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  Checkpoint read = run::parse_checkpoint(run::read_file(path), path.string()).checkpoint;
  read.path = path;
  return read;
}

}  // namespace equipoise
