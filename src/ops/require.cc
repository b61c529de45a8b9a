#include "ops/require.h"

#include <cmath>

#include <fmt/format.h>

namespace equipoise {

void require_shape(std::string_view name, const TensorType& type, const GraphShape& shape,
                   std::string_view of) {
  require_dtype(name, type, DType::kF32);
  if (type.shape != shape) {
    fail_inference(fmt::format("{} has shape {}; it has to be {}, as {}", name,
                               to_string(type.shape), to_string(shape), of));
  }
}

void require_scalar(std::string_view name, const TensorType& type) {
  require_dtype(name, type, DType::kF32);
  if (type.shape.batched() || type.shape.resolve(1).element_count() != 1) {
    fail_inference(
        fmt::format("{} has shape {}; it has to have one element", name, to_string(type.shape)));
  }
}

void require_not_negative(std::string_view name, double value) {
  if (!(value >= 0 && std::isfinite(value))) {
    fail_inference(fmt::format("{} is {}; it has to be finite and at least 0", name, value));
  }
}

void require_record(std::string_view name, const TensorType& type) {
  if (!type.record) {
    fail_inference(fmt::format("{} has shape {}; it has to be the record of the forward node", name,
                               to_string(type.shape)));
  }
}

}  // namespace equipoise
