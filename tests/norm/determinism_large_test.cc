// The same bits for tensors beyond the cache, all methods, layouts and storages.

#include "norm/determinism_cases.h"

namespace equipoise::testing {
namespace {

class DeterminismBeyondCache : public ::testing::TestWithParam<Layout> {};

TEST_P(DeterminismBeyondCache, OfEveryMethodAndStorage) {
  auto seed = static_cast<std::uint64_t>(GetParam());
  for (const Method& method : all_methods()) {
    for (const DType dtype : kDTypes) {
      ++seed;
      Case test{.method = method, .layout = GetParam(), .dtype = dtype};
      test.shape = {samples_beyond_cache(60 * 33 * 31, dtype), 60, 33, 31};
      test.activation = kActivations[seed % 8];
      test.residual = seed / 2 % 2 == 0;
      expect_same_bits_however_it_runs(test);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, DeterminismBeyondCache, ::testing::ValuesIn(kLayouts),
                         [](const auto& layout) { return std::string(to_string(layout.param)); });

}  // namespace
}  // namespace equipoise::testing
