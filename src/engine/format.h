#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "equipoise/tensor.h"

namespace equipoise::engine {

class BlockedWeights;

/// How a tensor lies in memory: row-major (Layout::kChannelsFirst), or images in another layout, or
/// the weights of a convolution in a form of oneDNN's own.
struct Format {
  Layout layout = Layout::kChannelsFirst;
  std::shared_ptr<const BlockedWeights> weights = nullptr;

  bool plain() const { return layout == Layout::kChannelsFirst && !weights; }
  bool operator==(const Format& other) const;
};

std::size_t bytes_of(const Format& format, const Shape& shape, DType dtype);

/// "channels_last", "row-major" (also where a layout would say nothing), "AcdB16a16b"
std::string to_string(const Format& format, const Shape& shape);

}  // namespace equipoise::engine
