#include "norm/rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "norm/rows.cc"
#include "norm/targets.h"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "norm/rows-inl.h"

#if HWY_ONCE

namespace equipoise::norm {

HWY_EXPORT(rows_forward_tile);
HWY_EXPORT(rows_backward_tile);

void rows_forward(const RowsForwardTile& tile) { HWY_DYNAMIC_DISPATCH(rows_forward_tile)(tile); }
void rows_backward(const RowsBackwardTile& tile) { HWY_DYNAMIC_DISPATCH(rows_backward_tile)(tile); }

}  // namespace equipoise::norm

#endif
