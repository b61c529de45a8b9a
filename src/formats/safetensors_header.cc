#include "formats/safetensors_header.h"

#include <array>
#include <limits>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "equipoise/error.h"

namespace equipoise::formats {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr const char* kMetadata = "__metadata__";

constexpr std::array kTypes = {
    std::pair{"F64", StoredType::kF64}, std::pair{"F32", StoredType::kF32},
    std::pair{"F16", StoredType::kF16}, std::pair{"BF16", StoredType::kBF16},
    std::pair{"I64", StoredType::kI64}, std::pair{"I32", StoredType::kI32},
    std::pair{"U8", StoredType::kU8},
};

/// Follows the parser through the few forms that a header may have. No tree is built: of a header
/// of nested brackets it would take a hundred times the memory.
class HeaderReader : public nlohmann::json_sax<OrderedJson> {
 public:
  SafetensorsHeader header;
  /// Of the first thing that is wrong.
  std::string problem;

  bool null() override { return unexpected("null"); }
  bool boolean(bool /*value*/) override { return unexpected("a truth value"); }
  bool number_integer(std::int64_t /*value*/) override { return unexpected("a negative number"); }
  bool number_float(double /*value*/, const std::string& /*text*/) override {
    return unexpected("a fraction");
  }
  bool binary(OrderedJson::binary_t& /*value*/) override { return unexpected("binary data"); }

  bool number_unsigned(std::uint64_t value) override {
    if (place_ != Place::kNumbers) return unexpected("a number");
    if (value > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
      return fail(fmt::format("'{}' of {} holds {}", key_, name(), value));
    }
    if (numbers_.size() == kMostNumbers)
      return fail(fmt::format("'{}' of {} is too long", key_, name()));
    numbers_.push_back(static_cast<std::int64_t>(value));
    return true;
  }

  bool string(std::string& value) override {
    if (place_ == Place::kTexts) {
      header.metadata[key_] = std::move(value);
      return true;
    }
    if (place_ != Place::kTensor || key_ != "dtype") return unexpected("a text");
    for (const auto& [text, type] : kTypes) {
      if (value != text) continue;
      header.entries.back().type = type;
      return true;
    }
    return fail(fmt::format("{} is of type '{}'; F64, F32, F16, BF16, I64, I32 and U8 are read",
                            name(), value));
  }

  bool start_object(std::size_t /*size*/) override {
    if (place_ == Place::kOutside) {
      place_ = Place::kFile;
    } else if (place_ == Place::kFile) {
      place_ = key_ == kMetadata ? Place::kTexts : Place::kTensor;
      if (place_ == Place::kTensor) header.entries.push_back({.name = key_});
      keys_.clear();
    } else {
      return unexpected("an object");
    }
    return true;
  }

  bool key(std::string& key) override {
    const bool is_new = (place_ == Place::kFile ? names_ : keys_).insert(key).second;
    if (!is_new) return fail(fmt::format("'{}' comes twice", key));
    if (place_ == Place::kTensor && key != "dtype" && key != "shape" && key != "data_offsets") {
      return fail(fmt::format("{} has an unknown '{}'", name(), key));
    }
    key_ = std::move(key);
    return true;
  }

  bool end_object() override {
    if (place_ == Place::kTensor && keys_.size() != 3) {
      return fail(fmt::format("{} lacks dtype, shape or data_offsets", name()));
    }
    place_ = place_ == Place::kFile ? Place::kOutside : Place::kFile;
    return true;
  }

  bool start_array(std::size_t /*size*/) override {
    if (place_ != Place::kTensor || key_ == "dtype") return unexpected("a list");
    place_ = Place::kNumbers;
    numbers_.clear();
    return true;
  }

  bool end_array() override {
    place_ = Place::kTensor;
    HeaderEntry& entry = header.entries.back();
    if (key_ == "shape") {
      entry.shape = numbers_;
      return true;
    }
    if (numbers_.size() != 2) return fail(fmt::format("data_offsets of {} are not two", name()));
    entry.begin = static_cast<std::uint64_t>(numbers_[0]);
    entry.end = static_cast<std::uint64_t>(numbers_[1]);
    return true;
  }

  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    return fail(fmt::format("it is no JSON from byte {} on", position));
  }

 private:
  enum class Place : std::uint8_t { kOutside, kFile, kTexts, kTensor, kNumbers };

  /// More dimensions than any format has.
  static constexpr std::size_t kMostNumbers = 64;

  std::string name() const { return fmt::format("tensor '{}'", header.entries.back().name); }

  bool fail(std::string what) {
    problem = std::move(what);
    return false;
  }

  bool unexpected(std::string_view what) {
    return fail(place_ == Place::kOutside
                    ? fmt::format("it is {}, not an object of tensors", what)
                    : fmt::format("{} is where none may be, at '{}'", what, key_));
  }

  Place place_ = Place::kOutside;
  std::string key_;
  std::set<std::string> names_;
  std::set<std::string> keys_;
  std::vector<std::int64_t> numbers_;
};

}  // namespace

std::size_t size_of(StoredType type) {
  switch (type) {
    case StoredType::kF64:
    case StoredType::kI64:
      return 8;
    case StoredType::kF32:
    case StoredType::kI32:
      return 4;
    case StoredType::kF16:
    case StoredType::kBF16:
      return 2;
    case StoredType::kU8:
      return 1;
  }
  return 0;
}

const char* to_string(StoredType type) {
  for (const auto& [text, value] : kTypes) {
    if (value == type) return text;
  }
  return "?";
}

SafetensorsHeader parse_header(std::string_view json) {
  HeaderReader reader;
  if (!OrderedJson::sax_parse(json.begin(), json.end(), &reader)) throw Error(reader.problem);
  return std::move(reader.header);
}

std::string write_header(const SafetensorsHeader& header) {
  OrderedJson json = OrderedJson::object();
  if (!header.metadata.empty()) json[kMetadata] = header.metadata;
  for (const HeaderEntry& entry : header.entries) {
    if (entry.name == kMetadata || json.contains(entry.name)) {
      throw Error(
          fmt::format("two tensors of a safetensors file cannot be called '{}'", entry.name));
    }
    json[entry.name] = {{"dtype", to_string(entry.type)},
                        {"shape", entry.shape},
                        {"data_offsets", {entry.begin, entry.end}}};
  }
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace equipoise::formats
