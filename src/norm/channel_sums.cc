#include "norm/channel_sums.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "norm/channel_sums.cc"
#include "base/targets.h"

#include <hwy/foreach_target.h>

#include "norm/channel_sums-inl.h"

#if HWY_ONCE

namespace equipoise::norm {

HWY_EXPORT(add_lanes_of);
HWY_EXPORT(finish_moments_of);

void add_lanes(const float* lanes, const ChannelLanes& of, double* out) {
  HWY_DYNAMIC_DISPATCH(add_lanes_of)(lanes, of, out);
}

bool finish_moments(const double* sum, const double* sum_of_squares, const float* shift,
                    double count, std::int64_t channels, double* mean, double* m2) {
  return HWY_DYNAMIC_DISPATCH(finish_moments_of)(sum, sum_of_squares, shift, count, channels, mean,
                                                 m2);
}

}  // namespace equipoise::norm

#endif
