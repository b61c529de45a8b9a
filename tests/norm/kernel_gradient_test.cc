// The kernels' gradients against the reference's, and against central differences of the f64 loss
// directly.

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "norm/comparison.h"
#include "norm/finite_differences.h"
#include "norm/methods.h"
#include "norm/targets.h"

namespace equipoise::testing {
namespace {

void expect_close(const char* name, const std::vector<double>& differences,
                  const std::vector<double>& actual, const std::vector<double>& scale) {
  ASSERT_EQ(actual.size(), differences.size()) << name;
  const double largest = *std::ranges::max_element(scale);
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], differences[i], kF32Tolerance * scale[i] + 1e-7 * largest)
        << name << "[" << i << "]";
  }
}

std::vector<double> to_f64(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}

TEST(KernelGradient, IsThatOfFiniteDifferencesOfTheReference) {
  for (Case test : gradient_cases()) {
    const Problem problem = make_problem(test);
    const Differences differences = finite_differences(test, problem);
    const reference::Gradients scales = reference_backward(test, problem);
    Array dresidual_scale = problem.dy;
    for (double& value : dresidual_scale.values) value = std::abs(value);
    for (const Layout layout : kLayouts) {
      test.layout = layout;
      for_each_target([&] {
        SCOPED_TRACE(describe(test));
        NormRecord record;
        run_forward(test, problem, &record);
        const BackwardRun run = run_backward(test, problem, record);
        expect_close("dx", differences.dx.values, run.dx.unpack().values, scales.dx_scale.values);
        expect_close("dresidual", differences.dresidual.values, run.dresidual.unpack().values,
                     dresidual_scale.values);
        expect_close("dweight", differences.dweight, to_f64(run.dweight), scales.dweight_scale);
        expect_close("dbias", differences.dbias, to_f64(run.dbias), scales.dbias_scale);
      });
    }
  }
}

TEST(KernelGradient, IsThatOfTheReferenceInEveryLayoutAndStorage) {
  for (Case test : gradient_cases()) {
    test.shape = {4, 18, 3, 7};
    for (const Layout layout : kLayouts) {
      for (const DType dtype : kDTypes) {
        test.layout = layout;
        test.dtype = dtype;
        expect_matches_reference(test);
      }
    }
  }
}

}  // namespace
}  // namespace equipoise::testing
