#include "ops/pool.h"

#include <algorithm>

#include <fmt/format.h>

#include "ops/attribute_list.h"
#include "ops/window.h"

namespace equipoise {

GraphShape pool_output(const GraphShape& x, const ops::PoolOptions& options) {
  const ops::Edges& padding = options.padding;
  if (std::max(padding.top, padding.bottom) >= options.kernel[0] ||
      std::max(padding.left, padding.right) >= options.kernel[1]) {
    fail_inference(
        fmt::format("x has shape {}; with padding top {}, left {}, bottom {}, right {} a window of "
                    "{}×{} can miss it: padding has to be smaller than the kernel",
                    to_string(x), padding.top, padding.left, padding.bottom, padding.right,
                    options.kernel[0], options.kernel[1]));
  }
  return window_output(x, {.kernel = options.kernel, .stride = options.stride, .padding = padding},
                       x[1]);
}

std::vector<Attribute> pool_attributes(const ops::PoolOptions& options) {
  return AttributeList()
      .add("kernel", options.kernel)
      .add("stride", options.stride)
      .add("padding", options.padding, ops::Edges{})
      .add("count_padding", options.count_padding, false)
      .list();
}

PoolField pool_field(const ops::PoolOptions& options, const Shape& x, std::int64_t h,
                     std::int64_t w) {
  const std::int64_t top = h * options.stride[0] - options.padding.top;
  const std::int64_t left = w * options.stride[1] - options.padding.left;
  return {.top = std::max<std::int64_t>(top, 0),
          .left = std::max<std::int64_t>(left, 0),
          .bottom = std::min(top + options.kernel[0], x[2]),
          .right = std::min(left + options.kernel[1], x[3])};
}

}  // namespace equipoise
