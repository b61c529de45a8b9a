// The same bits for tensors beyond the cache, all methods, layouts and storages.

#include "norm/determinism_cases.h"

namespace equipoise::testing {
namespace {

TEST(DeterminismBeyondCache, EveryMethodLayoutAndStorage) {
  std::uint64_t seed = 1;
  for (const Method& method : all_methods()) {
    for (const Layout layout : kLayouts) {
      for (const DType dtype : kDTypes) {
        ++seed;
        Case test{.method = method, .layout = layout, .dtype = dtype};
        test.shape = {samples_beyond_cache(60 * 33 * 31, dtype), 60, 33, 31};
        test.activation = kActivations[seed % 8];
        test.residual = seed % 2 == 0;
        expect_same_bits_however_it_runs(test);
      }
    }
  }
}

}  // namespace
}  // namespace equipoise::testing
