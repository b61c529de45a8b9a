#include "equipoise/layers.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "norm/layer_testing.h"

namespace equipoise {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// What the functions of norm.h make of the same arguments.
struct Direct {
  explicit Direct(NormLayer& layer, const Tensor& x_of_layer)
      : x(x_of_layer), y(x.shape), dx(x.shape) {
    arguments.x = x.view();
    arguments.y = y.view();
    arguments.weight = layer.weight();
    arguments.bias = layer.bias();
    arguments.epsilon = layer.epsilon();
    arguments.activation = layer.activation();
    arguments.negative_slope = layer.negative_slope();
    dweight.resize(layer.weight().size());
    dbias.resize(layer.bias().size());
  }

  void go_back(const Tensor& dy) {
    NormBackward backward{};
    backward.x = x.view();
    backward.dy = dy.view();
    backward.dx = dx.view();
    backward.weight = arguments.weight;
    backward.bias = arguments.bias;
    backward.dweight = dweight;
    backward.dbias = dbias;
    norm_backward(backward, record);
  }

  const Tensor& x;
  Tensor y;
  Tensor dx;
  std::vector<float> dweight;
  std::vector<float> dbias;
  NormForward arguments{};
  NormRecord record;
};

struct Kind {
  std::string name;
  std::unique_ptr<NormLayer> layer;
  std::function<void(Direct&)> function;
};

std::vector<Kind> kinds() {
  std::vector<Kind> kinds;
  kinds.push_back({"batch",
                   std::make_unique<BatchNorm>(
                       BatchNormConfig{.channels = kChannels, .activation = Activation::kRelu}),
                   [](Direct& d) { batch_norm(d.arguments, BatchNormOptions{}, &d.record); }});
  kinds.push_back(
      {"instance",
       std::make_unique<InstanceNorm>(InstanceNormConfig{
           .channels = kChannels, .weight = Parameter::kPresent, .bias = Parameter::kPresent}),
       [](Direct& d) { instance_norm(d.arguments, &d.record); }});
  kinds.push_back({"instance without parameters",
                   std::make_unique<InstanceNorm>(InstanceNormConfig{.channels = kChannels}),
                   [](Direct& d) { instance_norm(d.arguments, &d.record); }});
  kinds.push_back({"group",
                   std::make_unique<GroupNorm>(GroupNormConfig{.channels = kChannels,
                                                               .groups = 2,
                                                               .activation = Activation::kLeakyRelu,
                                                               .negative_slope = 0.3F}),
                   [](Direct& d) { group_norm(d.arguments, 2, &d.record); }});
  kinds.push_back({"layer",
                   std::make_unique<LayerNorm>(
                       LayerNormConfig{.normalized_shape = {kChannels, 5}, .epsilon = 1e-2}),
                   [](Direct& d) { layer_norm(d.arguments, {.trailing = 2}, &d.record); }});
  kinds.push_back(
      {"layer over channels",
       std::make_unique<LayerNorm>(
           LayerNormConfig{.normalized_shape = {kChannels}, .over = NormalizedOver::kChannels}),
       [](Direct& d) { layer_norm(d.arguments, {.over = NormalizedOver::kChannels}, &d.record); }});
  kinds.push_back({"RMS",
                   std::make_unique<RmsNorm>(
                       RmsNormConfig{.normalized_shape = {5}, .activation = Activation::kSilu}),
                   [](Direct& d) { rms_norm(d.arguments, {.trailing = 1}, &d.record); }});
  return kinds;
}

TEST(NormLayer, ComputesWhatTheFunctionsCompute) {
  for (const Kind& kind : kinds()) {
    SCOPED_TRACE(kind.name);
    NormLayer& layer = *kind.layer;
    randomize(layer);
    const Tensor x = random_tensor(1);
    const Tensor dy = random_tensor(2);
    const Tensor y = forward(layer, x);
    const Tensor dx = backward(layer, x, dy);

    Direct direct(layer, x);
    kind.function(direct);
    direct.go_back(dy);
    EXPECT_EQ(y.values, direct.y.values);
    EXPECT_EQ(dx.values, direct.dx.values);
    EXPECT_EQ(copy_of(layer.weight_gradient()), direct.dweight);
    EXPECT_EQ(copy_of(layer.bias_gradient()), direct.dbias);
    EXPECT_NE(y.values, x.values);
    EXPECT_THAT(layer.record().mean(), ElementsAreArray(direct.record.mean()));
  }
}

TEST(NormLayer, PassesResidualWeightsAndSecondGradientOn) {
  GroupNorm layer({.channels = kChannels, .groups = 2, .activation = Activation::kTanh});
  const Tensor x = random_tensor(1);
  const Tensor residual = random_tensor(2);
  const Tensor dy = random_tensor(3);
  std::vector<float> weights(30, 1.0F);
  weights[3] = weights[17] = 0;
  std::vector<Moments> sample_moments(6 * kChannels);
  const Tensor y = forward(
      layer, x,
      {.residual = residual.view(), .position_weights = weights, .sample_moments = sample_moments});
  Tensor dresidual(kShape);
  const Tensor dx = backward(layer, x, dy,
                             {.dy_second = dy.view(),
                              .dresidual = dresidual.view(),
                              .residual = residual.view(),
                              .position_weights = weights});

  Direct direct(layer, x);
  direct.arguments.residual = residual.view();
  direct.arguments.position_weights = weights;
  group_norm(direct.arguments, 2, &direct.record);
  EXPECT_EQ(y.values, direct.y.values);
  EXPECT_EQ(sample_moments[0].count, 4);
  EXPECT_EQ(sample_moments[4].count, 5);

  // dresidual = (dy + dy_second)·(1 − tanh²)
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    EXPECT_NEAR(dresidual.values[i], 2 * dy.values[i] * (1 - y.values[i] * y.values[i]), 1e-5);
  }
  EXPECT_NE(dx.values, dresidual.values);
}

TEST(NormLayer, GradientsAreOverwrittenNotAccumulated) {
  BatchNorm layer({.channels = kChannels});
  const Tensor x = random_tensor(1);
  const Tensor dy = random_tensor(2);
  forward(layer, x);
  backward(layer, x, dy);
  const std::vector<float> once = copy_of(layer.bias_gradient());
  backward(layer, x, dy);
  EXPECT_THAT(layer.bias_gradient(), ElementsAreArray(once));
  EXPECT_NE(once[0], 0);
}

TEST(NormLayer, FrozenParametersHaveNoGradientsAndTheSameDx) {
  for (const Kind& kind : kinds()) {
    SCOPED_TRACE(kind.name);
    NormLayer& layer = *kind.layer;
    randomize(layer);
    const Tensor x = random_tensor(1);
    const Tensor dy = random_tensor(2);
    forward(layer, x);
    const Tensor trained = backward(layer, x, dy);
    const std::vector<float> gradient = copy_of(layer.weight_gradient());

    layer.set_affine(Affine::kFrozen);
    EXPECT_THAT(layer.weight_gradient(), IsEmpty());
    EXPECT_THAT(layer.bias_gradient(), IsEmpty());
    EXPECT_EQ(backward(layer, x, dy).values, trained.values);
    EXPECT_NE(backward(layer, x, random_tensor(3)).values, trained.values);
    layer.set_affine(Affine::kTrained);
    EXPECT_THAT(layer.weight_gradient(), ElementsAreArray(gradient)) << "computed although frozen";
  }
}

TEST(NormLayer, BackwardNeedsAForwardThatWasNotInPlace) {
  LayerNorm layer({.normalized_shape = {5}, .name = "ln_1"});
  Tensor x = random_tensor(1);
  const Tensor dy = random_tensor(2);
  EXPECT_THAT(message_of([&] { backward(layer, x, dy); }),
              HasSubstr("ln_1: backward without a forward"));

  const Tensor apart = forward(layer, x);
  backward(layer, x, dy);
  layer.forward(x.view(), x.view());
  EXPECT_EQ(x.values, apart.values);
  EXPECT_THAT(message_of([&] { backward(layer, x, dy); }),
              HasSubstr("ln_1: backward without a forward"));
}

TEST(NormLayer, OutputMayBeTheResidualUnlessTheBackwardReadsIt) {
  const Tensor x = random_tensor(1);
  const Tensor dy = random_tensor(2);
  for (const Activation activation : {Activation::kNone, Activation::kRelu, Activation::kLeakyRelu,
                                      Activation::kSilu, Activation::kTanh}) {
    SCOPED_TRACE(to_string(activation));
    GroupNorm layer({.channels = kChannels, .groups = 2, .activation = activation});
    Tensor residual = random_tensor(3);
    const Tensor apart = forward(layer, x, {.residual = residual.view()});
    const Tensor expected = backward(layer, x, dy, {.residual = residual.view()});
    layer.forward(x.view(), residual.view(), {.residual = residual.view()});
    EXPECT_EQ(residual.values, apart.values);
    if (activation == Activation::kSilu || activation == Activation::kTanh) {
      EXPECT_THAT(message_of([&] { backward(layer, x, dy, {.residual = residual.view()}); }),
                  HasSubstr("not in place"));
    } else {
      EXPECT_EQ(backward(layer, x, dy).values, expected.values);
    }
  }
}

TEST(NormLayer, NoBuffersAtAllAreNotInPlace) {
  GroupNorm layer({.channels = kChannels, .groups = 2});
  const TensorView none = {.data = nullptr, .shape = {0, kChannels, 5}};
  layer.forward(none, none);
  layer.backward(none, none, none);
  for (const float gradient : layer.weight_gradient()) EXPECT_EQ(gradient, 0);
}

TEST(NormLayer, AfterAForwardThatWasRefusedTheOneBeforeHolds) {
  LayerNorm layer({.normalized_shape = {5}});
  const Tensor x = random_tensor(1);
  const Tensor dy = random_tensor(2);
  forward(layer, x);
  const Tensor expected = backward(layer, x, dy);
  Tensor y({6, kChannels, 4});
  EXPECT_NE(message_of([&] { layer.forward(x.view(), y.view()); }), "no error");
  EXPECT_EQ(backward(layer, x, dy).values, expected.values);
}

TEST(NormLayer, ErrorsOfTheFunctionsNameTheLayerInTheirPlace) {
  for (const Kind& kind : kinds()) {
    SCOPED_TRACE(kind.name);
    NormLayer& layer = *kind.layer;
    const Tensor x = random_tensor(1);
    Tensor other({6, kChannels, 4});
    EXPECT_THAT(message_of([&] { layer.forward(x.view(), other.view()); }),
                StartsWith(layer.name() + ": y has shape (6, 4, 4)"));
    forward(layer, x);
    EXPECT_THAT(message_of([&] { backward(layer, x, other); }),
                StartsWith(layer.name() + ": dy has shape (6, 4, 4)"));
  }
}

TEST(SiblingLayers, ANormalizedShapeBeyondAllMemoryIsAnErrorThatNamesTheLayer) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 40;
  EXPECT_THAT(message_of([] {
                LayerNorm({.normalized_shape = {kHuge, kHuge}, .name = "ln"});
              }),
              StartsWith("ln: normalized_shape: shape (1099511627776, 1099511627776): more"));
  EXPECT_THAT(message_of([] {
                RmsNorm({.normalized_shape = std::vector<std::int64_t>(9, 1), .name = "rms"});
              }),
              StartsWith("rms: normalized_shape: a shape of 9 dimensions"));
}

TEST(NormLayer, WorksOnAfterAMove) {
  BatchNorm original({.channels = kChannels, .name = "bn"});
  const Tensor x = random_tensor(1);
  const Tensor y = forward(original, x);
  BatchNorm moved = std::move(original);
  EXPECT_EQ(backward(moved, x, x).values.size(), y.values.size());
  moved.commit();
  EXPECT_EQ(forward(moved, x).values, y.values);
  EXPECT_EQ(moved.name(), "bn");
}

TEST(SiblingLayers, ImpossibleConfigurationsAreErrors) {
  EXPECT_THAT(message_of([] { InstanceNorm({.channels = 0, .name = "in"}); }),
              HasSubstr("in: 0 channels"));
  EXPECT_THAT(
      message_of([] { GroupNorm({.channels = 6, .groups = 4, .name = "gn"}); }),
      HasSubstr("gn: 4 groups do not divide 6 channels into equal parts; choose a divisor of 6"));
  EXPECT_THAT(message_of([] { GroupNorm({.channels = 6, .groups = 0, .name = "gn"}); }),
              HasSubstr("gn: 0 groups"));
  EXPECT_THAT(message_of([] { LayerNorm({.normalized_shape = {}, .name = "ln"}); }),
              HasSubstr("ln: normalized_shape ()"));
  EXPECT_THAT(message_of([] {
                LayerNorm({.normalized_shape = {3, 0}, .name = "ln"});
              }),
              HasSubstr("ln: normalized_shape (3, 0)"));
  EXPECT_THAT(
      message_of([] {
        LayerNorm({.normalized_shape = {3, 4}, .over = NormalizedOver::kChannels, .name = "ln"});
      }),
      HasSubstr("ln: normalized_shape (3, 4)"));
  EXPECT_THAT(message_of([] { RmsNorm({.normalized_shape = {8}, .epsilon = 0, .name = "rms"}); }),
              HasSubstr("rms: epsilon 0"));
}

TEST(SiblingLayers, InputsThatDoNotFitAreErrors) {
  const Tensor x = random_tensor(1);
  LayerNorm layer({.normalized_shape = {kChannels, 6}, .name = "ln"});
  EXPECT_THAT(
      message_of([&] { forward(layer, x); }),
      HasSubstr("ln: x has shape (6, 4, 5), which does not end in normalized_shape (4, 6)"));
  RmsNorm whole({.normalized_shape = {6, kChannels, 5}, .name = "rms"});
  EXPECT_THAT(message_of([&] { forward(whole, x); }), HasSubstr("rms: x has shape"));
  InstanceNorm instance({.channels = 3, .name = "in"});
  EXPECT_THAT(message_of([&] { forward(instance, x); }), HasSubstr("in: x has shape"));
}

}  // namespace
}  // namespace equipoise
