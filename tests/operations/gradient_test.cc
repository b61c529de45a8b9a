/// The gradient rule of every operation, in f64, against central differences.

#include <gtest/gtest.h>

#include "operations/engine_check.h"
#include "operations/gradient_check.h"

namespace equipoise::testing {
namespace {

class OperationGradient : public ::testing::TestWithParam<OperationTest> {};

TEST_P(OperationGradient, IsThatOfFiniteDifferences) {
  const std::vector<CheckedGradient> gradients = check_gradients(GetParam());
  if (gradients.empty()) GTEST_SKIP() << "nothing to differentiate by";
  for (const CheckedGradient& checked : gradients) {
    EXPECT_LE(checked.error, kDifferenceTolerance)
        << "element " << checked.element << " of " << checked.name << "\n"
        << graph_of(GetParam()).graph.dump();
  }
}

std::string test_name(const ::testing::TestParamInfo<OperationTest>& info) {
  return identifier(info.param.name);
}

INSTANTIATE_TEST_SUITE_P(, OperationGradient, ::testing::ValuesIn(all_operation_tests()),
                         test_name);

}  // namespace
}  // namespace equipoise::testing
