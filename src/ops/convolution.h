#pragma once

#include <optional>

#include "equipoise/operations.h"
#include "graph/operation.h"

namespace equipoise {

/// y = f(z); none: y = z.
struct Epilogue {
  std::optional<ops::Function> function = std::nullopt;
  float negative_slope = 0.01F;
};

/// z[n,o,h,w] = bias[o] + Σ weight[o,c,i,j]·x[n, c₀ + c, h·stride + i·dilation − top, …], as
/// ops::convolution says [+ residual[n,o,h,w]], y = f(z): x (N, C, H, W), weight (O, C/groups, kh,
/// kw), bias (O) → y and residual (N, O, H′, W′). A residual and a function are what fusion puts
/// there for inference; then there is no gradient.
class Convolution final : public Operation {
 public:
  enum Input { kX, kWeight, kBias, kResidual };

  explicit Convolution(const ops::ConvolutionOptions& options, const Epilogue& epilogue = {})
      : options_(options), epilogue_(epilogue) {}
  const ops::ConvolutionOptions& options() const { return options_; }
  const Epilogue& epilogue() const { return epilogue_; }

  std::string_view type() const override { return "convolution"; }
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  void differentiate(GradientWriter& writer) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;

 private:
  ops::ConvolutionOptions options_;
  Epilogue epilogue_;
};

/// dx[n, c₀ + c, h·stride + i·dilation − top, …] = Σ weight[o,c,i,j]·dy[n,o,h,w]: weight, dy → dx
/// (N, C, H, W). Strides leave several sizes of x possible, so it is told which.
class ConvolutionDataGradient final : public Operation {
 public:
  enum Input { kWeight, kDY };

  ConvolutionDataGradient(const ops::ConvolutionOptions& options, ops::Pair image)
      : options_(options), image_(image) {}
  const ops::ConvolutionOptions& options() const { return options_; }
  /// {H, W} of x.
  ops::Pair image() const { return image_; }

  std::string_view type() const override { return "convolution_data_gradient"; }
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;

 private:
  ops::ConvolutionOptions options_;
  ops::Pair image_;
};

/// dweight[o,c,i,j] = Σ x[n, c₀ + c, h·stride + i·dilation − top, …]·dy[n,o,h,w], and if wanted
/// dbias[o] = Σ dy[n,o,h,w]: x, dy → dweight (O, C/groups, kh, kw), dbias (O).
class ConvolutionWeightGradient final : public Operation {
 public:
  enum Input { kX, kDY };
  enum Output { kDWeight, kDBias };

  ConvolutionWeightGradient(const ops::ConvolutionOptions& options, ops::Pair kernel)
      : options_(options), kernel_(kernel) {}
  const ops::ConvolutionOptions& options() const { return options_; }
  /// {kh, kw}
  ops::Pair kernel() const { return kernel_; }

  std::string_view type() const override { return "convolution_weight_gradient"; }
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;

 private:
  ops::ConvolutionOptions options_;
  ops::Pair kernel_;
};

}  // namespace equipoise
