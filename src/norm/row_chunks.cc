#include "norm/row_chunks.h"

#include <algorithm>
#include <cstring>

#include "base/round_up.h"
#include "norm/rows.h"
#include "norm/walk.h"

namespace equipoise::norm {
namespace {

// 128 KiB of f32.
constexpr std::int64_t kChunkElements = 32768;
// Each chunk has column sums of its own, two floats for each of its columns: of long rows, a chunk
// has at least 4 (sums as large as half of a small tensor) to 16 (an eighth), for 16 chunks.
constexpr std::int64_t kLeastRows = 4;
constexpr std::int64_t kEnoughRows = 16;
constexpr std::int64_t kEnoughChunks = 16;
// Shorter runs are not worth horizontal sums of their own.
constexpr std::int64_t kLeastRun = 32;
// Rows in strips are read from memory twice. With fewer rows than this there are too few chunks for
// all threads, or the column sums of chunks are as large as the tensor.
constexpr std::int64_t kFewRows = 64;
constexpr std::int64_t kLongRow = 8192;
static_assert(kFewRows <= kSummedRows);  // a strip has one sum of each column

// Offsets of (n, c, s): a block of channels, the channel in it, positions in between.
struct Addressing {
  std::int64_t sample, block, position, block_channels;

  Addressing(const Shape& shape, Layout layout) {
    const std::int64_t positions = shape.positions();
    sample = storage_elements({1, shape.channels()}, layout) * positions;
    switch (layout) {
      case Layout::kChannelsFirst:
        block_channels = 1;
        block = positions;
        position = 1;
        break;
      case Layout::kChannelsLast:
        block_channels = std::max<std::int64_t>(shape.channels(), 1);
        block = 0;
        position = block_channels;
        break;
      case Layout::kBlocked8:
      case Layout::kBlocked16:
        block_channels = layout == Layout::kBlocked8 ? 8 : 16;
        block = positions * block_channels;
        position = block_channels;
        break;
    }
  }
  std::int64_t operator()(std::int64_t n, std::int64_t c, std::int64_t s) const {
    return n * sample + c / block_channels * block + s * position + c % block_channels;
  }
};

}  // namespace

RowChunks::RowChunks(const NormRecord::State& state) : shape_(state.shape), layout_(state.layout) {
  const std::int64_t channels = shape_.channels();
  const std::int64_t positions = shape_.positions();
  const bool plain =
      layout_ == Layout::kChannelsFirst || (layout_ == Layout::kChannelsLast && positions == 1);
  std::int64_t rows_per_copy = 0;
  if (!state.over_axes) {  // group normalization
    rows = shape_.samples();
    length = channels * positions;
    groups = channels / state.partition.channels;
    per_parameter = positions;
    if (positions >= kLeastRun) run = positions;
  } else if (state.axes.over == NormalizedOver::kChannels) {
    over_channels_ = true;
    rows = shape_.samples() * positions;
    length = channels;
    copied_ = layout_ != Layout::kChannelsLast && !(plain && positions == 1);
  } else {
    length = 1;
    for (int i = shape_.rank() - state.axes.trailing; i < shape_.rank(); ++i) length *= shape_[i];
    rows = length > 0 ? shape_.element_count() / length : 0;
    copied_ = !plain;
    rows_per_copy = shape_.samples() > 0 ? rows / shape_.samples() : 0;
  }
  chunk_rows = std::max(kChunkElements / std::max<std::int64_t>(length, 1),
                        std::clamp(rows / kEnoughChunks, kLeastRows, kEnoughRows));
  if (run > 1) chunk_rows = 1;  // there are no column sums
  if (copied_ && over_channels_) chunk_rows = std::min(round_up(chunk_rows, 16), positions);
  if (copied_ && !over_channels_) chunk_rows = rows_per_copy;
  chunk_rows = std::max<std::int64_t>(chunk_rows, 1);
  // A chunk of copied positions never spans two samples.
  chunks = copied_ && over_channels_ ? shape_.samples() * ceil_div(positions, chunk_rows)
                                     : ceil_div(rows, chunk_rows);
  if (length == 0) chunks = 0;
}

bool RowChunks::in_strips() const {
  return rows < kFewRows && length > kLongRow && groups == 1 && per_parameter == 1 && !copied_;
}

RowChunks::Chunk RowChunks::at(std::int64_t i) const {
  if (!(copied_ && over_channels_)) {
    return {i * chunk_rows, std::min(chunk_rows, rows - i * chunk_rows)};
  }
  const std::int64_t positions = shape_.positions();
  const std::int64_t per_sample = ceil_div(positions, chunk_rows);
  const std::int64_t s = i % per_sample * chunk_rows;
  return {i / per_sample * positions + s, std::min(chunk_rows, positions - s)};
}

template <class Copy>
void RowChunks::for_chunk(const Chunk& chunk, Copy&& copy) const {
  const Addressing address(shape_, layout_);
  const std::int64_t channels = shape_.channels();
  const std::int64_t positions = shape_.positions();
  const std::int64_t n = chunk.first * length / (channels * positions);
  const std::int64_t s0 = over_channels_ ? chunk.first - n * positions : 0;
  const std::int64_t s1 = over_channels_ ? s0 + chunk.rows : positions;
  const std::int64_t by_position = over_channels_ ? length : 1;
  const std::int64_t by_channel = over_channels_ ? 1 : positions;
  // Tiles keep both sides in few cache lines.
  constexpr std::int64_t kTile = 16;
  for (std::int64_t s = s0; s < s1; s += kTile) {
    for (std::int64_t c = 0; c < channels; c += kTile) {
      for (std::int64_t i = c; i < std::min(c + kTile, channels); ++i) {
        for (std::int64_t j = s; j < std::min(s + kTile, s1); ++j) {
          copy(address(n, i, j), (j - s0) * by_position + i * by_channel);
        }
      }
    }
  }
}

template <class T>
void RowChunks::gather_as(const Chunk& chunk, const void* tensor, void* rows_out) const {
  const T* from = static_cast<const T*>(tensor);
  T* to = static_cast<T*>(rows_out);
  for_chunk(chunk,
            [&](std::int64_t in_tensor, std::int64_t in_rows) { to[in_rows] = from[in_tensor]; });
}

template <class T>
void RowChunks::scatter_as(const Chunk& chunk, const void* rows_in, void* tensor) const {
  const T* from = static_cast<const T*>(rows_in);
  T* to = static_cast<T*>(tensor);
  for_chunk(chunk,
            [&](std::int64_t in_tensor, std::int64_t in_rows) { to[in_tensor] = from[in_rows]; });
}

void RowChunks::gather(const Chunk& chunk, const ConstTensorView& tensor, void* rows_out) const {
  tensor.dtype == DType::kF32 ? gather_as<float>(chunk, tensor.data, rows_out)
                              : gather_as<std::uint16_t>(chunk, tensor.data, rows_out);
}

void RowChunks::scatter(const Chunk& chunk, const void* rows_in, const TensorView& tensor) const {
  tensor.dtype == DType::kF32 ? scatter_as<float>(chunk, rows_in, tensor.data)
                              : scatter_as<std::uint16_t>(chunk, rows_in, tensor.data);
}

std::span<const float> RowChunks::expanded(std::span<const float> parameter, float otherwise,
                                           Workspace::Arena& arena) const {
  const std::span<float> values = arena.take<float>(run > 1 ? length / run : padded_length() + 16);
  std::ranges::fill(values, otherwise);
  if (run > 1 || per_parameter == 1) {
    std::ranges::copy(parameter, values.begin());
    return values;
  }
  for (std::size_t i = 0; i < parameter.size(); ++i) {
    std::fill_n(values.begin() + static_cast<std::int64_t>(i) * per_parameter, per_parameter,
                parameter[i]);
  }
  return values;
}

}  // namespace equipoise::norm
