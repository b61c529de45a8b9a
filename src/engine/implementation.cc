#include "engine/implementation.h"

#include "base/parallel.h"
#include "engine/implementations/rows.h"

namespace equipoise::engine {

void ElementwiseKernel::run(const Arguments& arguments) const {
  parallel_for_chunks(elements_, kTile, threads_, [&](std::int64_t first, std::int64_t last) {
    run_part(arguments, first, last);
  });
}

}  // namespace equipoise::engine
