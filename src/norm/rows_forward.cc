#include "norm/rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "norm/rows_forward.cc"
#include "base/targets.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "norm/rows_forward-inl.h"

#if HWY_ONCE

namespace equipoise::norm {

HWY_EXPORT(rows_forward_tile);

void rows_forward(const RowsForwardTile& tile) { HWY_DYNAMIC_DISPATCH(rows_forward_tile)(tile); }

}  // namespace equipoise::norm

#endif
