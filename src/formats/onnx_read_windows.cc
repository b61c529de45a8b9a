#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/round_up.h"
#include "equipoise/operations.h"
#include "formats/onnx_read_nodes.h"

namespace equipoise::formats {
namespace {

using Integers = std::vector<std::int64_t>;

/// What convolution and pooling have in common.
struct FileWindow {
  ops::Pair kernel;
  ops::Pair stride = {1, 1};
  ops::Pair dilation = {1, 1};
  ops::Edges padding = {};
};

ops::Pair pair_of(const FileNode& node, std::string_view attribute, const ops::Pair& by_default) {
  const auto given = node.integers(attribute);
  if (!given) return by_default;
  if (given->size() != 2) node.fail(fmt::format("has other than two values in {}", attribute));
  if (std::ranges::any_of(*given, [](std::int64_t value) { return value < 1; })) {
    node.fail(fmt::format("has a value below 1 in {}", attribute));
  }
  return {(*given)[0], (*given)[1]};
}

/// {before, after}, so that there are ⌈size/stride⌉ windows. Attributes are within ±2³¹, so that no
/// product overflows.
ops::Pair same_padding(std::int64_t size, std::int64_t kernel, std::int64_t stride,
                       std::int64_t dilation, bool more_before) {
  const std::int64_t windows = ceil_div(size, stride);
  const std::int64_t total =
      std::max<std::int64_t>(0, (windows - 1) * stride + dilation * (kernel - 1) + 1 - size);
  const std::int64_t less = total / 2;
  return more_before ? ops::Pair{total - less, less} : ops::Pair{less, total - less};
}

FileWindow window_of(const FileNode& node, const GraphShape& x, const ops::Pair& kernel) {
  if (x.rank() != 4) {
    node.fail(fmt::format("reads x of shape {}; only images (N, C, H, W) are", to_string(x)));
  }
  FileWindow window{.kernel = pair_of(node, "kernel_shape", kernel)};
  window.stride = pair_of(node, "strides", {1, 1});
  window.dilation = pair_of(node, "dilations", {1, 1});
  const std::string automatic = node.text("auto_pad", "NOTSET");
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
    const auto edges = [&](int i) {
      const auto at = static_cast<std::size_t>(i);
      return same_padding(x[2 + i], window.kernel[at], window.stride[at], window.dilation[at],
                          automatic == "SAME_LOWER");
    };
    const ops::Pair vertical = edges(0);
    const ops::Pair horizontal = edges(1);
    window.padding = {vertical[0], horizontal[0], vertical[1], horizontal[1]};
  } else if (const auto pads = node.integers("pads"); pads && automatic == "NOTSET") {
    if (pads->size() != 4) node.fail("has other than four pads");
    window.padding = {(*pads)[0], (*pads)[1], (*pads)[2], (*pads)[3]};
  }
  return window;
}

ops::PoolOptions pool_of(const FileNode& node, const GraphShape& x) {
  if (!node.has("kernel_shape")) node.fail("has no kernel_shape");
  const FileWindow window = window_of(node, x, {1, 1});
  if (window.dilation != ops::Pair{1, 1}) node.fail("has dilations, which pooling has not here");
  if (node.integer("ceil_mode", 0) != 0) {
    const auto fits = [&](int i, std::int64_t padding) {
      const auto at = static_cast<std::size_t>(i);
      return (x[2 + i] + padding - window.kernel[at]) % window.stride[at] == 0;
    };
    if (!fits(0, window.padding.top + window.padding.bottom) ||
        !fits(1, window.padding.left + window.padding.right)) {
      node.fail("has windows that are cut off at the end (ceil_mode)");
    }
  }
  return {.kernel = window.kernel, .stride = window.stride, .padding = window.padding};
}

}  // namespace

void read_convolution(OnnxReader& reader, const FileNode& node) {
  const TensorId x = reader.tensor(node.input(0));
  const TensorId weight = reader.tensor(node.input(1));
  const GraphShape shape = reader.shape(weight);
  if (shape.rank() != 4) {
    node.fail(
        fmt::format("has weights of shape {}; only those of images are read", to_string(shape)));
  }
  const ops::Pair kernel = {shape[2], shape[3]};
  const FileWindow window = window_of(node, reader.shape(x), kernel);
  if (window.kernel != kernel) node.fail("has a kernel_shape that is not that of its weights");
  TensorId bias;
  if (node.has_input(2)) bias = reader.tensor(node.input(2), {shape[0]});
  reader.set(node.output(), ops::convolution(reader.graph(), reader.name_of(node), x, weight, bias,
                                             {.stride = window.stride,
                                              .padding = window.padding,
                                              .dilation = window.dilation,
                                              .groups = node.integer("group", 1)}));
}

void read_max_pool(OnnxReader& reader, const FileNode& node) {
  if (node.output_count() > 1)
    node.fail("has the places of its maxima as output, which is not read");
  const TensorId x = reader.tensor(node.input(0));
  reader.set(node.output(), ops::max_pool(reader.graph(), reader.name_of(node), x,
                                          pool_of(node, reader.shape(x))));
}

void read_average_pool(OnnxReader& reader, const FileNode& node) {
  const TensorId x = reader.tensor(node.input(0));
  ops::PoolOptions options = pool_of(node, reader.shape(x));
  options.count_padding = node.integer("count_include_pad", 0) != 0;
  reader.set(node.output(), ops::average_pool(reader.graph(), reader.name_of(node), x, options));
}

void read_global_average_pool(OnnxReader& reader, const FileNode& node) {
  const TensorId x = reader.tensor(node.input(0));
  reader.set(node.output(), ops::global_average_pool(reader.graph(), reader.name_of(node), x));
}

void read_global_max_pool(OnnxReader& reader, const FileNode& node) {
  const TensorId x = reader.tensor(node.input(0));
  const GraphShape& shape = reader.shape(x);
  if (shape.rank() != 4) node.fail(fmt::format("reads x of shape {}", to_string(shape)));
  const ops::Pair all = {shape[2], shape[3]};
  reader.set(node.output(), ops::max_pool(reader.graph(), reader.name_of(node), x,
                                          {.kernel = all, .stride = all}));
}

/// Over the positions of an image, as networks end.
void read_reduce_mean(OnnxReader& reader, const FileNode& node) {
  const TensorId x = reader.tensor(node.input(0));
  const GraphShape shape = reader.shape(x);
  const auto axes = integers_of(reader, node, "axes", 1);
  std::vector<int> positive;
  for (const std::int64_t axis : axes.value_or(Integers{})) {
    positive.push_back(axis_of(node, axis, shape.rank()));
  }
  std::ranges::sort(positive);
  if (shape.rank() != 4 || positive != std::vector<int>{2, 3}) {
    node.fail("is the mean over other than the last two of four dimensions");
  }
  if (node.integer("keepdims", 1) != 0) return read_global_average_pool(reader, node);
  const std::string name = reader.name_of(node);
  const TensorId pooled =
      ops::global_average_pool(reader.graph(), reader.free_name(name + "/pool"), x);
  reader.set(node.output(), ops::flatten(reader.graph(), name, pooled));
}

}  // namespace equipoise::formats
