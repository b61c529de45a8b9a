#include "engine/onednn/threads.h"

#include <omp.h>

namespace equipoise::engine {

OneDnnThreads::OneDnnThreads(int count) : count_(count), before_(omp_get_max_threads()) {
  omp_set_num_threads(count);
}

OneDnnThreads::~OneDnnThreads() { omp_set_num_threads(before_); }

}  // namespace equipoise::engine
