#include "norm/affine.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "norm/affine.cc"
#include "base/targets.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "norm/affine-inl.h"

#if HWY_ONCE

namespace equipoise::norm {

HWY_EXPORT(affine_tile);

void affine(const AffineTile& tile) { HWY_DYNAMIC_DISPATCH(affine_tile)(tile); }

}  // namespace equipoise::norm

#endif
