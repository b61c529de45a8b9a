#include "norm/output.h"

#include <array>
#include <cassert>
#include <cstddef>

#include "base/cache.h"

namespace equipoise::norm {
namespace {

// Of blocks of kLanes lanes that hold so many channels, repeated.
template <std::size_t kLanes>
constexpr auto masks() {
  std::array<std::array<std::uint32_t, 16>, kLanes> of_channels{};
  for (std::size_t channels = 0; channels < kLanes; ++channels) {
    for (std::size_t lane = 0; lane < 16; ++lane) {
      of_channels[channels][lane] = lane % kLanes < channels ? ~std::uint32_t{0} : 0;
    }
  }
  return of_channels;
}
constexpr auto kMasksOf8 = masks<8>();
constexpr auto kMasksOf16 = masks<16>();

}  // namespace

bool streams(const TensorView& out, const ConstTensorView& in) {
  if (!out || out.data == in.data) return false;
  const std::int64_t bytes =
      storage_elements(out.shape, out.layout) * static_cast<std::int64_t>(size_of(out.dtype));
  return bytes > cache_sizes().level2;
}

const std::uint32_t* kept_lanes(const Walk& walk, std::int64_t l) {
  if (!walk.has_padding(l)) return nullptr;
  assert(walk.block_lanes == 8 || walk.block_lanes == 16);
  const auto channels = static_cast<std::size_t>(walk.channels_in(l));
  return walk.block_lanes == 8 ? kMasksOf8[channels].data() : kMasksOf16[channels].data();
}

}  // namespace equipoise::norm
