#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "equipoise/export.h"

namespace equipoise {

/// Threads that a call may use; at first what OpenMP would use (OMP_NUM_THREADS or the number of
/// cores), at most 1024. Results of the normalization kernels do not depend on it by a single bit.
[[nodiscard]] EQUIPOISE_API int num_threads();

/// Throws Error unless 1 ≤ `threads` ≤ 1024. Affects calls that start afterwards, in all threads of
/// the process.
EQUIPOISE_API void set_num_threads(int threads);

/// What the machine can do, with the threads that calls may use.
struct MachineLimits {
  /// Read and written by a copy with streaming stores, far beyond the cache.
  double bytes_per_second = 0;
  /// Multiplications and additions of f32, each counted as one, in registers.
  double flops_per_second = 0;
};

/// Measures it: medians of seven rounds, about a third of a second of a machine that does nothing
/// else. Takes eight times the last-level cache in memory.
[[nodiscard]] EQUIPOISE_API MachineLimits measure_machine_limits();

/// The instruction set that the kernels use, Highway's name for it: "AVX3" (AVX-512), "AVX2",
/// "SSE4", "NEON", …
[[nodiscard]] EQUIPOISE_API std::string simd_target();

/// Those that were compiled in and that this machine has, best first.
[[nodiscard]] EQUIPOISE_API std::vector<std::string> simd_targets();

/// Uses that instruction set from now on; an empty name restores the best. Throws Error for a name
/// that `simd_targets()` does not list. Not to be called while another thread is inside a kernel.
EQUIPOISE_API void force_simd_target(std::string_view name);

}  // namespace equipoise
