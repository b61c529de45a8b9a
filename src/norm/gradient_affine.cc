#include "norm/gradient.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "norm/gradient_affine.cc"
#include "base/targets.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "norm/gradient_affine-inl.h"

#if HWY_ONCE

namespace equipoise::norm {

HWY_EXPORT(gradient_affine_tile);

void gradient_affine(const GradientAffineTile& tile) {
  HWY_DYNAMIC_DISPATCH(gradient_affine_tile)(tile);
}

}  // namespace equipoise::norm

#endif
