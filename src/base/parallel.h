#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "base/round_up.h"

namespace equipoise {

/// Calls task(i, thread) once for every i in [0, tasks), on up to `threads` threads, in no
/// particular order; `thread` < `threads` tells callers apart that run at the same time.
/// Returns when all are done. Tasks must not throw: errors are found before work starts.
void parallel_for(std::int64_t tasks, int threads,
                  void (*task)(void* context, std::int64_t i, int thread), void* context);

template <class Task>
void parallel_for(std::int64_t tasks, int threads, Task&& task) {
  using Plain = std::remove_reference_t<Task>;
  parallel_for(
      tasks, threads,
      [](void* context, std::int64_t i, int thread) { (*static_cast<Plain*>(context))(i, thread); },
      const_cast<void*>(static_cast<const void*>(&task)));
}

/// The same, task(first, last), for chunks of the range [0, count).
template <class Task>
void parallel_for_chunks(std::int64_t count, std::int64_t chunk, int threads, Task&& task) {
  parallel_for(ceil_div(count, chunk), threads,
               [&](std::int64_t k, int) { task(k * chunk, std::min((k + 1) * chunk, count)); });
}

}  // namespace equipoise
