#include "norm/rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "norm/rows_backward.cc"
#include "base/targets.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "norm/rows_backward-inl.h"

#if HWY_ONCE

namespace equipoise::norm {

HWY_EXPORT(rows_backward_tile);

void rows_backward(const RowsBackwardTile& tile) { HWY_DYNAMIC_DISPATCH(rows_backward_tile)(tile); }

}  // namespace equipoise::norm

#endif
