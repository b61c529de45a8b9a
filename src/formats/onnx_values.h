#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <onnx/onnx_pb.h>

namespace equipoise::formats {

/// Of dimensions and of integers in general; 2^40 elements of a tensor. What is computed of them
/// does not overflow.
inline constexpr std::int64_t kLargestInteger = std::int64_t{1} << 31;
inline constexpr std::int64_t kLargestTensor = std::int64_t{1} << 40;

/// The product of dimensions. Throws Error, with `what`, for one below 0 or beyond the limits, and
/// for more than Shape::kMaxRank of them.
std::int64_t count_elements(std::span<const std::int64_t> dimensions, std::string_view what);

/// The dimensions of a tensor with values. Throws Error, with its name, for values that are in
/// another file, of another number than the dimensions say, or segmented.
std::vector<std::int64_t> checked_dimensions(const onnx::TensorProto& tensor);

/// Its values; of f64 rounded to the nearest, of f16 and bf16 exactly. Throws Error, with its name,
/// for others. `checked_dimensions` has to have accepted it.
std::vector<float> numbers_of(const onnx::TensorProto& tensor);

/// Its values, of i64 or i32. Throws Error for others and for those beyond the limits, of which the
/// largest and the least i64 ("to the end") become the limit.
std::vector<std::int64_t> integers_of(const onnx::TensorProto& tensor);
std::int64_t limited_integer(std::int64_t value, std::string_view what);

bool holds_integers(const onnx::TensorProto& tensor);

}  // namespace equipoise::formats
