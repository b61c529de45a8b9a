#include "formats/onnx_values.h"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "equipoise/tensor.h"

namespace equipoise::formats {
namespace {

using onnx::TensorProto;

[[noreturn]] void fail(const TensorProto& tensor, std::string_view why) {
  throw Error(fmt::format("tensor '{}' {}", tensor.name(), why));
}

std::string type_name(const TensorProto& tensor) {
  return onnx::TensorProto::DataType_IsValid(tensor.data_type())
             ? TensorProto::DataType_Name(static_cast<TensorProto::DataType>(tensor.data_type()))
             : fmt::format("number {}", tensor.data_type());
}

/// Bytes of an element in raw data; nothing for types that are not read.
std::optional<std::size_t> raw_size(const TensorProto& tensor) {
  switch (tensor.data_type()) {
    case TensorProto::DOUBLE:
    case TensorProto::INT64:
      return 8;
    case TensorProto::FLOAT:
    case TensorProto::INT32:
      return 4;
    case TensorProto::FLOAT16:
    case TensorProto::BFLOAT16:
      return 2;
    default:
      return std::nullopt;
  }
}

std::size_t value_count(const TensorProto& tensor) {
  if (tensor.has_raw_data()) return tensor.raw_data().size() / *raw_size(tensor);
  switch (tensor.data_type()) {
    case TensorProto::DOUBLE:
      return static_cast<std::size_t>(tensor.double_data_size());
    case TensorProto::INT64:
      return static_cast<std::size_t>(tensor.int64_data_size());
    case TensorProto::FLOAT:
      return static_cast<std::size_t>(tensor.float_data_size());
    default:
      return static_cast<std::size_t>(tensor.int32_data_size());
  }
}

/// Calls visit(i, value) for raw values of this type.
template <typename Raw, typename Visit>
void for_each_raw(const TensorProto& tensor, Visit visit) {
  const std::string& bytes = tensor.raw_data();
  for (std::size_t i = 0; i < bytes.size() / sizeof(Raw); ++i) {
    Raw value;
    std::memcpy(&value, bytes.data() + i * sizeof(Raw), sizeof(Raw));
    visit(i, value);
  }
}

float from_half(std::uint16_t bits) {
  const float sign = (bits & 0x8000U) != 0 ? -1.0F : 1.0F;
  const int exponent = (bits >> 10U) & 0x1FU;
  const auto mantissa = static_cast<float>(bits & 0x3FFU);
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  if (exponent < 31) return sign * std::ldexp(1024 + mantissa, exponent - 25);
  return mantissa == 0 ? sign * std::numeric_limits<float>::infinity()
                       : std::numeric_limits<float>::quiet_NaN();
}

float from_bfloat(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

/// Of f16 and bf16, whose bits are in the lower half of integers where they are not raw.
template <typename Convert>
void read_halves(const TensorProto& tensor, std::vector<float>& values, Convert convert) {
  if (tensor.has_raw_data()) {
    for_each_raw<std::uint16_t>(
        tensor, [&](std::size_t i, std::uint16_t bits) { values[i] = convert(bits); });
    return;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = convert(static_cast<std::uint16_t>(tensor.int32_data(static_cast<int>(i))));
  }
}

}  // namespace

std::int64_t count_elements(std::span<const std::int64_t> dimensions, std::string_view what) {
  if (dimensions.size() > Shape::kMaxRank) {
    throw Error(fmt::format("{} has {} dimensions; there may be {}", what, dimensions.size(),
                            Shape::kMaxRank));
  }
  std::int64_t count = 1;
  bool empty = false;
  for (const std::int64_t dimension : dimensions) {
    empty = empty || dimension == 0;
    const bool fits = dimension >= 0 && dimension <= kLargestInteger &&
                      (dimension == 0 || count <= kLargestTensor / dimension);
    if (!fits) {
      throw Error(
          fmt::format("{} has a dimension of {}, and would have more than 2^40 elements or "
                      "less than none",
                      what, dimension));
    }
    if (dimension > 0) count *= dimension;
  }
  return empty ? 0 : count;
}

std::vector<std::int64_t> checked_dimensions(const TensorProto& tensor) {
  if (tensor.data_location() == TensorProto::EXTERNAL || tensor.external_data_size() > 0) {
    fail(tensor, "has its values in another file, which is not read; save the model as one file");
  }
  if (tensor.has_segment()) fail(tensor, "is given in segments, which are not read");
  const auto size = raw_size(tensor);
  if (!size) {
    fail(tensor, fmt::format("has values of type {}; FLOAT, DOUBLE, FLOAT16, BFLOAT16, INT64 and "
                             "INT32 are read",
                             type_name(tensor)));
  }
  std::vector<std::int64_t> dimensions(tensor.dims().begin(), tensor.dims().end());
  const std::int64_t count = count_elements(dimensions, fmt::format("tensor '{}'", tensor.name()));
  const bool whole = !tensor.has_raw_data() || tensor.raw_data().size() % *size == 0;
  if (!whole || value_count(tensor) != static_cast<std::size_t>(count)) {
    fail(tensor, fmt::format("has {} values where its dimensions ask for {}; the file is damaged",
                             value_count(tensor), count));
  }
  return dimensions;
}

std::vector<float> numbers_of(const TensorProto& tensor) {
  std::vector<float> values(value_count(tensor));
  switch (tensor.data_type()) {
    case TensorProto::FLOAT:
      if (!tensor.has_raw_data()) return {tensor.float_data().begin(), tensor.float_data().end()};
      for_each_raw<float>(tensor, [&](std::size_t i, float value) { values[i] = value; });
      return values;
    case TensorProto::DOUBLE:
      if (!tensor.has_raw_data()) {
        for (std::size_t i = 0; i < values.size(); ++i) {
          values[i] = static_cast<float>(tensor.double_data(static_cast<int>(i)));
        }
      }
      for_each_raw<double>(
          tensor, [&](std::size_t i, double value) { values[i] = static_cast<float>(value); });
      return values;
    case TensorProto::FLOAT16:
      read_halves(tensor, values, from_half);
      return values;
    case TensorProto::BFLOAT16:
      read_halves(tensor, values, from_bfloat);
      return values;
    default:
      fail(tensor,
           fmt::format("has values of type {} where numbers are needed", type_name(tensor)));
  }
}

std::vector<std::int64_t> integers_of(const TensorProto& tensor) {
  if (!holds_integers(tensor)) {
    fail(tensor, fmt::format("has values of type {} where integers are needed", type_name(tensor)));
  }
  std::vector<std::int64_t> values(value_count(tensor));
  if (tensor.has_raw_data()) {
    const auto set = [&](std::size_t i, std::int64_t value) { values[i] = value; };
    tensor.data_type() == TensorProto::INT64 ? for_each_raw<std::int64_t>(tensor, set)
                                             : for_each_raw<std::int32_t>(tensor, set);
  } else {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const int at = static_cast<int>(i);
      values[i] =
          tensor.data_type() == TensorProto::INT64 ? tensor.int64_data(at) : tensor.int32_data(at);
    }
  }
  for (std::int64_t& value : values) {
    if (value == std::numeric_limits<std::int64_t>::max()) value = kLargestInteger;
    if (value == std::numeric_limits<std::int64_t>::min() ||
        value == -std::numeric_limits<std::int64_t>::max()) {
      value = -kLargestInteger;
    }
    limited_integer(value, tensor.name());
  }
  return values;
}

std::int64_t limited_integer(std::int64_t value, std::string_view what) {
  if (value >= -kLargestInteger && value <= kLargestInteger) return value;
  throw Error(fmt::format("'{}' has the value {}, which is beyond ±2^31", what, value));
}

bool holds_integers(const TensorProto& tensor) {
  return tensor.data_type() == TensorProto::INT64 || tensor.data_type() == TensorProto::INT32;
}

}  // namespace equipoise::formats
