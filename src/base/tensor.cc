#include "equipoise/tensor.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/round_up.h"
#include "equipoise/error.h"

namespace equipoise {

std::size_t size_of(DType dtype) { return dtype == DType::kBF16 ? 2 : 4; }

const char* to_string(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "f32";
    case DType::kBF16:
      return "bf16";
    case DType::kI32:
      return "i32";
  }
  return "unknown dtype";
}

const char* to_string(Layout layout) {
  switch (layout) {
    case Layout::kChannelsFirst:
      return "channels_first";
    case Layout::kChannelsLast:
      return "channels_last";
    case Layout::kBlocked8:
      return "blocked8";
    case Layout::kBlocked16:
      return "blocked16";
  }
  return "unknown layout";
}

Shape::Shape(std::initializer_list<std::int64_t> dimensions)
    : Shape(std::span(dimensions.begin(), dimensions.size())) {}

Shape::Shape(std::span<const std::int64_t> dimensions) {
  if (dimensions.size() > kMaxRank) {
    throw Error(fmt::format("a shape of {} dimensions: at most {} are supported; flatten some",
                            dimensions.size(), kMaxRank));
  }
  std::int64_t count = 1;
  for (const std::int64_t d : dimensions) {
    if (d < 0) {
      throw Error(
          fmt::format("shape ({}): dimensions must be at least 0", fmt::join(dimensions, ", ")));
    }
    // Room for 8 bytes an element and for the padding of a block, so that offsets never overflow.
    if (d > 0 && count > (std::int64_t{1} << 56) / d) {
      throw Error(fmt::format("shape ({}): more elements than can be addressed",
                              fmt::join(dimensions, ", ")));
    }
    count *= std::max<std::int64_t>(d, 1);
  }
  std::ranges::copy(dimensions, dimensions_.begin());
  rank_ = static_cast<int>(dimensions.size());
}

std::int64_t Shape::positions() const {
  std::int64_t product = 1;
  for (int i = 2; i < rank_; ++i) product *= (*this)[i];
  return product;
}

std::int64_t Shape::element_count() const { return samples() * channels() * positions(); }

std::string to_string(const Shape& shape) {
  return fmt::format("({})", fmt::join(shape.dimensions(), ", "));
}

std::int64_t storage_elements(const Shape& shape, Layout layout) {
  const std::int64_t block = layout == Layout::kBlocked8    ? 8
                             : layout == Layout::kBlocked16 ? 16
                                                            : 1;
  const std::int64_t channels = round_up(shape.channels(), block);
  return shape.samples() * channels * shape.positions();
}

void require_storage(std::size_t elements, const Shape& shape, Layout layout) {
  const std::int64_t needed = storage_elements(shape, layout);
  if (elements != static_cast<std::size_t>(needed)) {
    throw Error(fmt::format("{} elements for a tensor {} {}, which takes {}", elements,
                            to_string(shape), to_string(layout), needed));
  }
}

}  // namespace equipoise
