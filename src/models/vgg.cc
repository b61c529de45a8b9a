#include <algorithm>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "models/network_builder.h"

namespace equipoise {
namespace {

constexpr std::int64_t kPool = 0;

/// Columns A and D of table 1 of Simonyan & Zisserman 2014: widths of 3 × 3 convolutions.
constexpr std::int64_t kVgg11[] = {64,  kPool, 128,   kPool, 256, 256,  kPool,
                                   512, 512,   kPool, 512,   512, kPool};
constexpr std::int64_t kVgg16[] = {64,    64,  kPool, 128, 128,   kPool, 256, 256, 256,
                                   kPool, 512, 512,   512, kPool, 512,   512, 512, kPool};

TensorId features(NetworkBuilder& net, TensorId x, std::span<const std::int64_t> widths) {
  int layer = 0;
  const auto next = [&] { return fmt::format("features.{}", layer++); };
  for (const std::int64_t width : widths) {
    if (width == kPool) {
      x = ops::max_pool(net.graph(), next(), x, {});
      continue;
    }
    x = net.convolution(next(), x, {.out = width, .kernel = 3}, Bias::kYes);
    // Without normalization there is no layer of that number.
    if (net.settings().norm != ModelNorm::Kind::kNone) x = net.norm(next(), x);
    x = net.activate(next(), x, ops::Function::kRelu);
  }
  return x;
}

void build(NetworkBuilder& net, std::span<const std::int64_t> widths) {
  const std::int64_t smallest = std::int64_t{1} << std::ranges::count(widths, kPool);
  const auto [height, width] = net.settings().input_size;
  if (std::min(height, width) < smallest) {
    throw Error(fmt::format(
        "model '{}': images of {} × {} are too small; it halves them {} times, "
        "so they have to be {} × {} at least",
        net.graph().name(), height, width, std::ranges::count(widths, kPool), smallest, smallest));
  }

  TensorId x = ops::flatten(net.graph(), "flatten", features(net, net.image(), widths));
  const LinearInitialization initialization{.weight = normal(0.01)};
  int layer = 0;
  const auto next = [&] { return fmt::format("classifier.{}", layer++); };
  for (const std::int64_t hidden : net.settings().hidden) {
    x = net.linear(next(), x, hidden, initialization);
    x = net.activate(next(), x, ops::Function::kRelu);
    x = net.dropout(next(), x);
  }
  net.classify(next(), x, initialization);
}

ModelEntry vgg(std::string_view name, std::span<const std::int64_t> widths) {
  return {.name = name,
          .defaults = {.dropout = 0.5, .hidden = {4096, 4096}},
          .takes = ModelEntry::Takes::kImageAndHidden,
          .build = [widths](NetworkBuilder& net) { build(net, widths); }};
}

}  // namespace

std::vector<ModelEntry> vgg_entries() { return {vgg("vgg11", kVgg11), vgg("vgg16", kVgg16)}; }

}  // namespace equipoise
