#include <algorithm>

#include "norm/error_fixture.h"

namespace equipoise::testing {
namespace {

class BackwardErrors : public ErrorTest {
 protected:
  /// Runs the forward again with that activation.
  void run_forward_with(Activation activation) {
    forward_.activation = activation;
    batch_norm(forward_, {}, &record_);
    untouched_ = y_.bytes();
  }
};

TEST_F(BackwardErrors, TheValidCallHasNone) { EXPECT_NO_THROW(norm_backward(backward_, record_)); }

TEST_F(BackwardErrors, ARecordThatNoForwardFilledIsOfNoUse) {
  const NormRecord empty;
  expect_error([&] { norm_backward(backward_, empty); }, {"record", "forward"});
}

TEST_F(BackwardErrors, ShapeIsThatOfTheForward) {
  const Shape other = {3, 6, 4};
  backward_.x.shape = backward_.dy.shape = other;
  backward_.dx.shape = backward_.dresidual.shape = other;
  expect_backward_error({"forward", "(3, 6, 4)", "(3, 6, 2, 2)"});
}

TEST_F(BackwardErrors, LayoutIsThatOfTheForward) {
  backward_.x.layout = backward_.dy.layout = Layout::kChannelsLast;
  backward_.dx.layout = backward_.dresidual.layout = Layout::kChannelsLast;
  expect_backward_error({"forward", "channels_last", "channels_first"});
}

TEST_F(BackwardErrors, StorageOfXIsThatOfTheForward) {
  backward_.x.dtype = DType::kBF16;
  expect_backward_error({"x", "bf16"});
}

TEST_F(BackwardErrors, InputsAreNotNull) {
  const NormBackward valid = backward_;
  backward_.x.data = nullptr;
  expect_backward_error({"x", "null"});
  backward_ = valid;
  backward_.dy.data = nullptr;
  expect_backward_error({"dy", "null"});
}

TEST_F(BackwardErrors, InputsAreNotForgotten) {
  const NormBackward valid = backward_;
  backward_.x = {};
  expect_backward_error({"x is missing"});
  backward_ = valid;
  backward_.dy = {};
  expect_backward_error({"dy is missing"});
}

TEST_F(BackwardErrors, OptionalTensorsWithAShapeAreNotNull) {
  const NormBackward valid = backward_;
  backward_.dx.data = nullptr;
  expect_backward_error({"dx has no data (null)", "(3, 6, 2, 2)", "none"});
  backward_ = valid;
  backward_.dresidual.data = nullptr;
  expect_backward_error({"dresidual has no data (null)"});
  backward_ = valid;
  backward_.dy_second.shape = backward_.x.shape;
  expect_backward_error({"dy_second has no data (null)"});
  run_forward_with(Activation::kSilu);
  backward_ = valid;
  backward_.residual.shape = backward_.x.shape;
  expect_backward_error({"residual has no data (null)"});
}

TEST_F(BackwardErrors, GradientsHaveTheShapeOfX) {
  const NormBackward valid = backward_;
  const Shape other = {3, 5, 2, 2};
  backward_.dy.shape = other;
  expect_backward_error({"dy", "(3, 5, 2, 2)"});
  backward_ = valid;
  backward_.dy_second = dy_.view();
  backward_.dy_second.shape = other;
  expect_backward_error({"dy_second", "(3, 5, 2, 2)"});
  backward_ = valid;
  backward_.dx.shape = other;
  expect_backward_error({"dx", "(3, 5, 2, 2)"});
  backward_ = valid;
  backward_.dresidual.shape = other;
  expect_backward_error({"dresidual", "(3, 5, 2, 2)"});
}

TEST_F(BackwardErrors, GradientsHaveTheLayoutOfX) {
  const NormBackward valid = backward_;
  backward_.dy.layout = Layout::kChannelsLast;
  expect_backward_error({"dy", "layout"});
  backward_ = valid;
  backward_.dx.layout = Layout::kChannelsLast;
  expect_backward_error({"dx", "layout"});
  backward_ = valid;
  backward_.dresidual.layout = Layout::kChannelsLast;
  expect_backward_error({"dresidual", "layout"});
}

TEST_F(BackwardErrors, GradientsHaveOneStorage) {
  const NormBackward valid = backward_;
  backward_.dx.dtype = DType::kBF16;
  expect_backward_error({"dx", "bf16"});
  backward_ = valid;
  backward_.dresidual.dtype = DType::kBF16;
  expect_backward_error({"dresidual", "bf16"});
  backward_ = valid;
  backward_.dy_second = dy_.view();
  backward_.dy_second.dtype = DType::kBF16;
  expect_backward_error({"dy_second", "bf16"});
}

TEST_F(BackwardErrors, EnumerationsHaveKnownValues) {
  backward_.dy.dtype = backward_.dx.dtype = backward_.dresidual.dtype = static_cast<DType>(9);
  expect_backward_error({"dtype"});
}

TEST_F(BackwardErrors, SmoothActivationsNeedTheResidualAgain) {
  for (const Activation activation :
       {Activation::kSilu, Activation::kSigmoid, Activation::kTanh, Activation::kHardSwish}) {
    SCOPED_TRACE(to_string(activation));
    run_forward_with(activation);
    expect_backward_error({"residual", to_string(activation)});
  }
}

TEST_F(BackwardErrors, PiecewiseLinearActivationsDoNotNeedTheResidual) {
  for (const Activation activation :
       {Activation::kNone, Activation::kRelu, Activation::kRelu6, Activation::kLeakyRelu}) {
    SCOPED_TRACE(to_string(activation));
    run_forward_with(activation);
    EXPECT_NO_THROW(norm_backward(backward_, record_));
  }
}

TEST_F(BackwardErrors, ResidualHasTheShapeOfX) {
  run_forward_with(Activation::kSilu);
  backward_.residual = residual_.view();
  backward_.residual.shape = {3, 5, 2, 2};
  expect_backward_error({"residual", "(3, 5, 2, 2)"});
}

TEST_F(BackwardErrors, ParametersAndTheirGradientsAreOnePerChannel) {
  const NormBackward valid = backward_;
  std::vector<float> five(5, 1.0F);
  backward_.weight = five;
  expect_backward_error({"weight", "5", "6"});
  backward_ = valid;
  backward_.bias = five;
  expect_backward_error({"bias", "5", "6"});
  backward_ = valid;
  backward_.dweight = five;
  expect_backward_error({"dweight", "5", "6"});
  backward_ = valid;
  backward_.dbias = five;
  expect_backward_error({"dbias", "5", "6"});
}

TEST_F(BackwardErrors, WeightAndBiasAreThoseOfTheForward) {
  const NormBackward valid = backward_;
  backward_.weight = {};
  expect_backward_error({"the forward had a weight"});
  backward_ = valid;
  backward_.bias = {};
  expect_backward_error({"the forward had a bias"});
  forward_.weight = forward_.bias = {};
  run_forward_with(Activation::kRelu);
  expect_backward_error({"the forward had no weight"});
  backward_.weight = {};
  backward_.bias = valid.bias;
  expect_backward_error({"the forward had no bias"});
  backward_.bias = {};
  EXPECT_NO_THROW(norm_backward(backward_, record_));
}

TEST_F(BackwardErrors, PositionWeightsAreOnePerSampleAndPosition) {
  const std::vector<float> twelve(12, 1.0F);
  const std::vector<float> eleven(11, 1.0F);
  forward_.position_weights = twelve;
  run_forward_with(Activation::kNone);
  backward_.position_weights = eleven;
  expect_backward_error({"position_weights", "11", "12"});
  backward_.position_weights = {};
  expect_backward_error({"position_weights"});
}

TEST_F(BackwardErrors, PositionWeightsThatTheForwardDidNotHaveAreNotItsGradient) {
  const std::vector<float> weights(12, 1.0F);
  backward_.position_weights = weights;
  expect_backward_error({"position_weights", "forward"});
}

TEST_F(BackwardErrors, TensorsOverlapNothingButInPlace) {
  const NormBackward valid = backward_;
  for (const bool of_dx : {true, false}) {
    SCOPED_TRACE(of_dx ? "dx" : "dresidual");
    const auto expect_overlap = [&](const char* with) {
      expect_backward_error(
          {((of_dx ? "dx overlaps " : "dresidual overlaps ") + std::string(with)).c_str()});
      backward_ = valid;
    };
    auto* const out = static_cast<float*>((of_dx ? backward_.dx : backward_.dresidual).data);
    backward_.x.data = out;
    expect_overlap("x");
    backward_.dy.data = out + 1;
    expect_overlap("dy; give it the same memory exactly");
    backward_.dy_second = backward_.x;
    backward_.dy_second.data = out;
    expect_overlap("dy_second");
    backward_.weight = {out + 1, kChannels};
    expect_overlap("weight");
    backward_.bias = {out + 71, kChannels};
    expect_overlap("bias");
    backward_.dweight = {out, kChannels};
    expect_overlap("dweight");
    backward_.dbias = {out, kChannels};
    expect_overlap("dbias");
  }
  backward_.dresidual = backward_.dx;
  expect_backward_error({"dx overlaps dresidual"});
}

TEST_F(BackwardErrors, TheResidualThatIsReadIsNotOverwritten) {
  run_forward_with(Activation::kTanh);
  backward_.residual = residual_.view();
  backward_.dx.data = residual_.view().data;
  expect_backward_error({"dx overlaps the residual"});
}

TEST_F(BackwardErrors, PositionWeightsAreNotOverwritten) {
  const std::vector<float> twelve(12, 1.0F);
  forward_.position_weights = twelve;
  run_forward_with(Activation::kNone);
  auto* const dx = static_cast<float*>(dx_.view().data);
  std::fill_n(dx, 12, 1.0F);
  backward_.position_weights = {dx, 12};
  expect_backward_error({"dx overlaps position_weights"});
}

TEST_F(BackwardErrors, GradientsOfParametersOverlapNothing) {
  const NormBackward valid = backward_;
  backward_.dbias = backward_.dweight;
  expect_backward_error({"dweight overlaps dbias"});
  backward_ = valid;
  backward_.weight = backward_.dweight;
  expect_backward_error({"dweight overlaps weight"});
  backward_ = valid;
  backward_.bias = backward_.dweight;
  expect_backward_error({"dweight overlaps bias"});
  backward_ = valid;
  backward_.dbias = {static_cast<float*>(x_.view().data), kChannels};
  expect_backward_error({"dbias overlaps x"});
  backward_.dbias = {static_cast<float*>(dy_.view().data), kChannels};
  expect_backward_error({"dbias overlaps dy"});
}

}  // namespace
}  // namespace equipoise::testing
