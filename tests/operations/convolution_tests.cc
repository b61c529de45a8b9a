#include "equipoise/operations.h"
#include "operations/descriptor.h"
#include "ops/convolution.h"
#include "ops/function.h"

namespace equipoise::testing {
namespace {

enum class Bias : std::uint8_t { kNo, kYes };

/// x is (N, `image`), the weight `weight`.
OperationTest convolution_test(std::string name, std::array<std::int64_t, 3> image,
                               GraphShape weight, ops::ConvolutionOptions options = {},
                               Bias bias = Bias::kNo, std::int64_t batch = 2) {
  return {.name = "convolution/" + name,
          .build =
              [=](Graph& graph) {
                const TensorId x =
                    graph.add_input("x", {GraphShape::kBatch, image[0], image[1], image[2]});
                const TensorId w = graph.add_parameter("weight", weight);
                const TensorId b =
                    bias == Bias::kYes ? graph.add_parameter("bias", {weight[0]}) : TensorId{};
                return ops::convolution(graph, "y", x, w, b, options);
              },
          .batch = batch};
}

enum class Residual : std::uint8_t { kNo, kYes };

/// As fusion makes it for inference. Biases reach beyond all kinks.
OperationTest fused_test(std::string name, std::array<std::int64_t, 3> image, GraphShape weight,
                         const ops::ConvolutionOptions& options, Residual residual,
                         const Epilogue& epilogue) {
  return {.name = "convolution/" + name,
          .build =
              [=](Graph& graph) {
                const auto operation = std::make_shared<Convolution>(options, epilogue);
                const TensorId x =
                    graph.add_input("x", {GraphShape::kBatch, image[0], image[1], image[2]});
                const TensorId w = graph.add_parameter("weight", weight);
                const TensorId b = graph.add_parameter("bias", {weight[0]});
                TensorId r;
                if (residual == Residual::kYes) {
                  const TensorType types[] = {graph.tensor(x).type, graph.tensor(w).type};
                  const TensorType* const inputs[] = {&types[0], &types[1], nullptr, nullptr};
                  r = graph.add_input("residual", operation->infer(inputs)[0].shape);
                }
                return graph.add_node("y", operation, {x, w, b, r})[0];
              },
          .batch = 2,
          .fills = {{"bias", {.low = -8, .high = 8}}},
          .constant_inputs = {"x", "weight", "bias", "residual"},
          // oneDNN's e^x is good to 1e-6.
          .tolerance = 4e-6};
}

std::vector<OperationTest> fused_tests() {
  using ops::Edges;
  std::vector<OperationTest> tests = {
      fused_test("residual", {20, 4, 5}, {18, 20, 1, 1}, {}, Residual::kYes, {}),
      fused_test("residual and ReLU, one channel", {1, 6, 5}, {9, 1, 3, 3}, {}, Residual::kYes,
                 {.function = ops::Function::kRelu}),
      fused_test("depthwise, residual and SiLU", {20, 5, 4}, {20, 1, 5, 5},
                 {.padding = Edges::all(2), .groups = 20}, Residual::kYes,
                 {.function = ops::Function::kSilu}),
      fused_test("2 groups, sigmoid", {20, 4, 5}, {18, 10, 3, 3}, {.groups = 2}, Residual::kNo,
                 {.function = ops::Function::kSigmoid})};
  using F = ops::Function;
  for (const F function : {F::kRelu, F::kRelu6, F::kLeakyRelu, F::kSilu, F::kSigmoid, F::kTanh,
                           F::kGelu, F::kHardSwish, F::kHardSigmoid}) {
    for (const Residual residual : {Residual::kNo, Residual::kYes}) {
      std::string name(to_string(function));
      if (residual == Residual::kYes) name += " and residual";
      tests.push_back(fused_test(name, {9, 5, 4}, {20, 9, 3, 3}, {.padding = Edges::all(1)},
                                 residual, {.function = function, .negative_slope = 0.3F}));
    }
  }
  return tests;
}

}  // namespace

std::vector<OperationTest> convolution_tests() {
  using ops::Edges;
  std::vector<OperationTest> tests = {
      convolution_test("3x3", {3, 5, 6}, {4, 3, 3, 3}),
      convolution_test("3x3 padded, bias", {3, 5, 4}, {5, 3, 3, 3}, {.padding = Edges::all(1)},
                       Bias::kYes),
      convolution_test("3x3, 17 to 18 channels, bias", {17, 3, 3}, {18, 17, 3, 3},
                       {.padding = Edges::all(1)}, Bias::kYes, 1),
      convolution_test("3x3 stride 2, odd image", {4, 7, 5}, {6, 4, 3, 3},
                       {.stride = {2, 2}, .padding = Edges::all(1)}),
      convolution_test("3x3 stride 2, even image, a column not covered", {4, 6, 6}, {3, 4, 3, 3},
                       {.stride = {2, 2}}, Bias::kYes),
      convolution_test("stride [3, 1]", {2, 8, 5}, {3, 2, 2, 3}, {.stride = {3, 1}}),
      convolution_test("1x1, 20 to 9 channels", {20, 3, 4}, {9, 20, 1, 1}),
      convolution_test("1x1, 12 to 17 channels, bias", {12, 3, 3}, {17, 12, 1, 1}, {}, Bias::kYes),
      convolution_test("1x1 stride 2", {9, 5, 4}, {10, 9, 1, 1}, {.stride = {2, 2}}),
      convolution_test("5x5 padded", {3, 6, 5}, {4, 3, 5, 5}, {.padding = Edges::all(2)}),
      convolution_test("7x7 stride 2, one channel", {1, 11, 10}, {4, 1, 7, 7},
                       {.stride = {2, 2}, .padding = Edges::all(3)}),
      convolution_test("kernel [1, 3]", {3, 4, 5}, {2, 3, 1, 3},
                       {.padding = {.left = 1, .right = 1}}),
      convolution_test("padding only at the end", {3, 6, 6}, {4, 3, 3, 3},
                       {.stride = {2, 2}, .padding = {.bottom = 1, .right = 1}}),
      convolution_test("four paddings", {2, 4, 3}, {3, 2, 3, 3},
                       {.padding = {.top = 2, .left = 0, .bottom = 1, .right = 3}}, Bias::kYes),
      convolution_test("padding wider than the kernel", {2, 2, 3}, {3, 2, 2, 2},
                       {.padding = Edges::all(3)}),
      convolution_test("dilation 2", {3, 7, 6}, {2, 3, 3, 3},
                       {.padding = Edges::all(1), .dilation = {2, 2}}),
      convolution_test("dilation [1, 3], stride 2", {2, 6, 9}, {3, 2, 3, 3},
                       {.stride = {2, 2}, .padding = Edges::all(2), .dilation = {1, 3}},
                       Bias::kYes),
      convolution_test("3 groups, bias", {9, 4, 4}, {6, 3, 3, 3},
                       {.padding = Edges::all(1), .groups = 3}, Bias::kYes),
      convolution_test("2 groups of 10 to 9 channels, stride 2", {20, 4, 5}, {18, 10, 3, 3},
                       {.stride = {2, 2}, .padding = Edges::all(1), .groups = 2}, Bias::kNo, 1),
      convolution_test("depthwise 3x3, 20 channels", {20, 4, 4}, {20, 1, 3, 3},
                       {.padding = Edges::all(1), .groups = 20}),
      convolution_test("depthwise 5x5 stride 2, 9 channels, bias", {9, 7, 6}, {9, 1, 5, 5},
                       {.stride = {2, 2}, .padding = Edges::all(2), .groups = 9}, Bias::kYes),
      convolution_test("depthwise 3x3 stride 2, asymmetric", {17, 4, 6}, {17, 1, 3, 3},
                       {.stride = {2, 2}, .padding = {.bottom = 1, .right = 1}, .groups = 17}),
      convolution_test("depthwise 5x5, 20 channels, wide", {20, 3, 23}, {20, 1, 5, 5},
                       {.padding = Edges::all(2), .groups = 20}),
      convolution_test("depthwise 5x5 stride 2, narrower than the kernel", {18, 9, 2},
                       {18, 1, 5, 5}, {.stride = {2, 2}, .padding = Edges::all(2), .groups = 18}),
      convolution_test("depthwise [3, 7], dilation [2, 1], no padding at the right", {7, 6, 12},
                       {7, 1, 3, 7}, {.padding = {.left = 3}, .dilation = {2, 1}, .groups = 7}),
      convolution_test("depthwise of two per channel", {5, 4, 4}, {10, 1, 3, 3}, {.groups = 5},
                       Bias::kYes),
      convolution_test("kernel of the image's size", {10, 3, 4}, {6, 10, 3, 4}, {}, Bias::kYes),
      convolution_test("one sample of one pixel", {17, 1, 1}, {9, 17, 3, 3},
                       {.padding = Edges::all(1)}, Bias::kNo, 1),
  };
  for (OperationTest& test : fused_tests()) tests.push_back(std::move(test));
  return tests;
}

}  // namespace equipoise::testing
