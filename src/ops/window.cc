#include "ops/window.h"

#include <limits>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ops/attribute_list.h"

namespace equipoise {
namespace {

// Products of two of these and sums with a size stay far from overflow.
constexpr std::int64_t kLargest = std::numeric_limits<std::int32_t>::max();

void require_range(std::string_view name, const std::vector<std::int64_t>& values,
                   std::int64_t smallest) {
  for (const std::int64_t value : values) {
    if (value < smallest || value > kLargest) {
      fail_inference(fmt::format("{} is [{}]; each of them has to be in [{}, {}]", name,
                                 fmt::join(values, ", "), smallest, kLargest));
    }
  }
}

}  // namespace

GraphShape window_output(const GraphShape& x, const Window& window, std::int64_t channels) {
  require_range("kernel", as_list(window.kernel), 1);
  require_range("stride", as_list(window.stride), 1);
  require_range("padding", as_list(window.padding), 0);
  require_range("dilation", as_list(window.dilation), 1);
  const ops::Edges& padding = window.padding;
  const ops::Pair padded = {x[2] + padding.top + padding.bottom,
                            x[3] + padding.left + padding.right};
  ops::Pair places = {};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t covered = window.dilation[axis] * (window.kernel[axis] - 1) + 1;
    if (x[2 + static_cast<int>(axis)] < 1 || covered > padded[axis]) {
      fail_inference(
          fmt::format("x has shape {}, {}×{} with its padding; the kernel [{}] with dilation [{}] "
                      "has to fit in it",
                      to_string(x), padded[0], padded[1], fmt::join(window.kernel, ", "),
                      fmt::join(window.dilation, ", ")));
    }
    places[axis] = (padded[axis] - covered) / window.stride[axis] + 1;
  }
  return {x[0], channels, places[0], places[1]};
}

void require_image(std::string_view name, const TensorType& type) {
  require_dtype(name, type, DType::kF32);
  require_rank(name, type, 4);
}

void require_output_gradient(const TensorType& dy, const GraphShape& x, const GraphShape& y) {
  require_image("dy", dy);
  if (dy.shape != y) {
    fail_inference(fmt::format("dy has shape {}; for x of shape {} it has to be {}",
                               to_string(dy.shape), to_string(x), to_string(y)));
  }
}

}  // namespace equipoise
