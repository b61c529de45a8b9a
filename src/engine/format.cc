#include "engine/format.h"

#include "engine/onednn/adapter.h"

namespace equipoise::engine {

bool Format::operator==(const Format& other) const {
  if (weights && other.weights) return weights->desc() == other.weights->desc();
  return !weights && !other.weights && layout == other.layout;
}

std::size_t bytes_of(const Format& format, const Shape& shape, DType dtype) {
  if (format.weights) return format.weights->desc().get_size();
  return static_cast<std::size_t>(storage_elements(shape, format.layout)) * size_of(dtype);
}

std::string to_string(const Format& format, const Shape& shape) {
  if (format.weights) return onednn::describe(format.weights->desc());
  if (shape.rank() < 3 || format.layout == Layout::kChannelsFirst) return "row-major";
  return equipoise::to_string(format.layout);
}

}  // namespace equipoise::engine
