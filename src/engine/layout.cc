#include "engine/layout.h"

#include <algorithm>

#include "base/parallel.h"

namespace equipoise::engine {

bool has_padding(const Shape& shape, Layout layout) {
  return shape.channels() % block_of(layout) != 0;
}

bool is_row_major(const Shape& shape, Layout layout) {
  switch (layout) {
    case Layout::kChannelsFirst:
      return true;
    case Layout::kChannelsLast:
      return shape.rank() < 3 || shape.positions() == 1 || shape.channels() == 1;
    case Layout::kBlocked8:
    case Layout::kBlocked16:
      return shape.positions() == 1 && !has_padding(shape, layout);
  }
  return false;
}

void zero_padding(float* data, const Shape& shape, Layout layout, int threads) {
  if (!has_padding(shape, layout)) return;
  const std::int64_t block = block_of(layout);
  const std::int64_t used = shape.channels() % block;
  const std::int64_t sample = storage_elements({1, shape.channels()}, layout) * shape.positions();
  const std::int64_t last_block = sample - shape.positions() * block;
  constexpr std::int64_t kSteps = 4096;
  const std::int64_t samples_at_once =
      std::max<std::int64_t>(kSteps / std::max<std::int64_t>(shape.positions(), 1), 1);
  parallel_for_chunks(shape.samples(), samples_at_once, threads,
                      [&](std::int64_t first, std::int64_t last) {
                        for (std::int64_t n = first; n < last; ++n) {
                          float* step = data + n * sample + last_block;
                          for (std::int64_t s = 0; s < shape.positions(); ++s, step += block) {
                            std::fill(step + used, step + block, 0.0F);
                          }
                        }
                      });
}

}  // namespace equipoise::engine
