/// The engine's f32 in every layout against the operations' own f64: results and gradients.

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "operations/engine_check.h"

namespace equipoise::testing {
namespace {

constexpr Layout kLayouts[] = {Layout::kChannelsFirst, Layout::kChannelsLast, Layout::kBlocked8,
                               Layout::kBlocked16};

class OperationInEngine : public ::testing::TestWithParam<std::tuple<OperationTest, Layout>> {};

TEST_P(OperationInEngine, IsThatOfF64) {
  const auto& [test, layout] = GetParam();
  for (const CheckedTensor& checked : check_in_engine(test, layout)) {
    EXPECT_LE(checked.error, test.tolerance) << checked.name;
  }
}

std::string test_name(const ::testing::TestParamInfo<std::tuple<OperationTest, Layout>>& info) {
  return fmt::format("{}_{}", identifier(std::get<0>(info.param).name),
                     to_string(std::get<1>(info.param)));
}

INSTANTIATE_TEST_SUITE_P(, OperationInEngine,
                         ::testing::Combine(::testing::ValuesIn(all_operation_tests()),
                                            ::testing::ValuesIn(kLayouts)),
                         test_name);

}  // namespace
}  // namespace equipoise::testing
