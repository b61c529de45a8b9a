#include "norm/layers/checks.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "equipoise/error.h"

namespace equipoise::norm {

std::int64_t require_channels(const std::string& layer, std::int64_t channels) {
  if (channels < 1) {
    throw Error(fmt::format("{}: {} channels; set .channels to at least 1", layer, channels));
  }
  return channels;
}

void require_channels(const std::string& layer, std::int64_t channels, const ConstTensorView& x) {
  if (x.shape.rank() < 2 || x.shape.channels() != channels) {
    throw Error(
        fmt::format("{}: x has shape {}, but the layer normalizes (N, C, ...) with C = {} "
                    "(whatever the layout, "
                    "shapes name samples and channels first)",
                    layer, to_string(x.shape), channels));
  }
}

std::int64_t require_normalized_shape(const std::string& layer, std::span<const std::int64_t> shape,
                                      NormalizedOver over) {
  const bool valid = !shape.empty() && std::ranges::all_of(shape, [](auto d) { return d >= 1; });
  if (!valid || (over == NormalizedOver::kChannels && shape.size() != 1)) {
    throw Error(fmt::format("{}: normalized_shape ({}); it needs {}", layer, fmt::join(shape, ", "),
                            over == NormalizedOver::kChannels
                                ? "one number, that of the channels"
                                : "the sizes of the last dimensions of x, each at least 1"));
  }
  try {
    return Shape(shape).element_count();
  } catch (const Error& error) {
    throw Error(fmt::format("{}: normalized_shape: {}", layer, error.what()));
  }
}

void require_normalized_shape(const std::string& layer, std::span<const std::int64_t> shape,
                              NormalizedOver over, const ConstTensorView& x) {
  if (over == NormalizedOver::kChannels) return require_channels(layer, shape.front(), x);
  const auto dimensions = x.shape.dimensions();
  if (dimensions.size() <= shape.size() ||
      !std::ranges::equal(dimensions.last(shape.size()), shape)) {
    throw Error(fmt::format(
        "{}: x has shape {}, which does not end in normalized_shape ({}) after the samples", layer,
        to_string(x.shape), fmt::join(shape, ", ")));
  }
}

void require_batch_count(const std::string& layer, std::string_view name, std::int64_t count) {
  if (count < 0) {
    throw Error(
        fmt::format("{}: {} is {}; it counts batches and cannot be negative", layer, name, count));
  }
}

LayerAxes layer_axes(std::span<const std::int64_t> normalized_shape, NormalizedOver over) {
  if (over == NormalizedOver::kChannels) return {.over = NormalizedOver::kChannels};
  return {.trailing = static_cast<int>(normalized_shape.size())};
}

}  // namespace equipoise::norm
