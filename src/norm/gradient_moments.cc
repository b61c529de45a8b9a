#include "norm/gradient.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "norm/gradient_moments.cc"
#include "base/targets.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "norm/gradient_moments-inl.h"

#if HWY_ONCE

namespace equipoise::norm {

HWY_EXPORT(gradient_moments_tile);

void gradient_moments(const GradientMomentsTile& tile) {
  HWY_DYNAMIC_DISPATCH(gradient_moments_tile)(tile);
}

}  // namespace equipoise::norm

#endif
