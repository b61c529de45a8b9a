// A residual that the backward does not need is not read, whatever it is.

#include <algorithm>

#include <gtest/gtest.h>

#include "norm/methods.h"

namespace equipoise::testing {
namespace {

bool needs_z(Activation activation) {
  return activation == Activation::kSilu || activation == Activation::kSigmoid ||
         activation == Activation::kTanh || activation == Activation::kHardSwish;
}

struct Gradients {
  TensorBuffer dx;
  TensorBuffer dresidual;
  std::vector<float> dweight;
  std::vector<float> dbias;
};

Gradients gradients(const Case& test, const Problem& problem, const NormRecord& record,
                    const ConstTensorView& residual) {
  const auto input = [&](const Array& values) {
    return TensorBuffer(values, test.shape, test.layout, test.dtype);
  };
  const TensorBuffer x = input(problem.arguments.x);
  const TensorBuffer dy = input(problem.dy_first);
  const auto parameters = static_cast<std::size_t>(parameter_count(test));
  Gradients result{.dx = TensorBuffer(test.shape, test.layout, test.dtype),
                   .dresidual = TensorBuffer(test.shape, test.layout, test.dtype),
                   .dweight = std::vector<float>(parameters),
                   .dbias = std::vector<float>(parameters)};
  norm_backward({.x = x.view(),
                 .dy = dy.view(),
                 .dy_second = {},
                 .dx = result.dx.view(),
                 .dresidual = result.dresidual.view(),
                 .residual = residual,
                 .weight = problem.weight,
                 .bias = problem.bias,
                 .position_weights = problem.position_weights,
                 .dweight = result.dweight,
                 .dbias = result.dbias,
                 .workspace = nullptr},
                record);
  return result;
}

void expect_unread(const Case& test) {
  SCOPED_TRACE(describe(test));
  const Problem problem = make_problem(test);
  NormRecord record;
  run_forward(test, problem, &record);
  // NaN throughout.
  const TensorBuffer poison(test.shape, test.layout, DType::kF32);
  const ConstTensorView wrong = {poison.view().data, {1, 2, 3}, Layout::kBlocked8, DType::kBF16};
  const Gradients expected = gradients(test, problem, record, {});
  for (const ConstTensorView& residual : {poison.view(), wrong}) {
    const Gradients actual = gradients(test, problem, record, residual);
    EXPECT_TRUE(actual.dx.bytes() == expected.dx.bytes()) << "dx";
    EXPECT_TRUE(actual.dresidual.bytes() == expected.dresidual.bytes()) << "dresidual";
    EXPECT_EQ(actual.dweight, expected.dweight);
    EXPECT_EQ(actual.dbias, expected.dbias);
  }
}

TEST(UnneededResidual, IsNotRead) {
  for (const Method& method : plain_methods()) {
    for (const Layout layout : kLayouts) {
      for (const Activation activation : kActivations) {
        for (const bool residual : {false, true}) {
          if (residual && needs_z(activation)) continue;
          expect_unread({.method = method,
                         .shape = {3, 6, 4, 4},
                         .layout = layout,
                         .activation = activation,
                         .residual = residual});
        }
      }
    }
  }
}

}  // namespace
}  // namespace equipoise::testing
