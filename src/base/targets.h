#pragma once

/// The instruction sets that the kernels are not compiled for; to be included before anything of
/// Highway. SSSE3 adds nothing to SSE2 here, and vectors of unknown size cannot be members of the
/// kernels' small structs.
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
