// What an exchange between ranks that fails leaves behind.

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/communicator.h"
#include "equipoise/error.h"
#include "equipoise/layers.h"
#include "norm/error_message.h"
#include "norm/methods.h"
#include "norm/targets.h"

namespace equipoise::testing {
namespace {

using ::testing::Each;

/// One rank, whose exchange fails while it is said to be broken.
class FragileCommunicator final : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void all_gather(std::span<const double> local, std::span<double> all) override {
    if (is_broken) throw std::runtime_error("connection lost");
    std::ranges::copy(local, all.begin());
  }

  bool is_broken = false;
};

/// A backward, and all that it may write.
struct Gradients {
  TensorBuffer dy, dx, dresidual;
  std::vector<float> dweight, dbias;

  bool operator==(const Gradients& other) const {
    return dy.bytes() == other.dy.bytes() && dx.bytes() == other.dx.bytes() &&
           dresidual.bytes() == other.dresidual.bytes() && dweight == other.dweight &&
           dbias == other.dbias;
  }
};

void expect_another_try(const Case& test) {
  SCOPED_TRACE(describe(test));
  const Problem problem = make_problem(test);
  FragileCommunicator communicator;
  NormRecord record;
  const ForwardRun forward = run_forward(test, problem, &record, nullptr, &communicator);

  Gradients gradients{
      .dy = TensorBuffer(problem.dy_first, test.shape, test.layout, test.dtype),
      .dx = TensorBuffer(test.shape, test.layout, test.dtype),
      .dresidual = TensorBuffer(test.shape, test.layout, test.dtype),
      .dweight = std::vector<float>(static_cast<std::size_t>(test.shape.channels()), 77),
      .dbias = std::vector<float>(static_cast<std::size_t>(test.shape.channels()), 77)};
  const auto backward = [&](Gradients& g) {
    NormBackward a;
    a.x = forward.x.view();
    a.dy = g.dy.view();
    if (test.residual) a.residual = forward.residual.view();
    if (test.dx) a.dx = test.in_place == InPlace::kDxOverDy ? g.dy.view() : g.dx.view();
    if (test.dresidual) a.dresidual = g.dresidual.view();
    a.weight = problem.weight;
    a.bias = problem.bias;
    a.position_weights = problem.position_weights;
    a.dweight = g.dweight;
    a.dbias = g.dbias;
    norm_backward(a, record);
  };
  Gradients expected = gradients;
  backward(expected);

  Gradients broken = gradients;
  communicator.is_broken = true;
  EXPECT_THROW(backward(broken), std::runtime_error);
  EXPECT_TRUE(broken.dy.bytes() == gradients.dy.bytes()) << "dy was written";
  EXPECT_TRUE(broken.dx.bytes() == gradients.dx.bytes()) << "dx was written";
  EXPECT_THAT(broken.dweight, Each(77));
  EXPECT_THAT(broken.dbias, Each(77));
  communicator.is_broken = false;
  backward(broken);
  EXPECT_TRUE(broken == expected);
}

TEST(BrokenExchange, LeavesWhatTheBackwardNeedsToBeCalledAgain) {
  const RuntimeGuard guard;
  std::uint64_t seed = 0;
  for (const Activation activation : kActivations) {
    for (const Layout layout : kLayouts) {
      for (const InPlace in_place : {InPlace::kNone, InPlace::kDxOverDy}) {
        for (const bool dresidual : {false, true}) {
          for (const DType dtype : kDTypes) {
            ++seed;
            expect_another_try({.shape = {4, 18, 3, 5},
                                .layout = layout,
                                .dtype = dtype,
                                .activation = activation,
                                .residual = seed % 3 == 0,
                                .weighting = kWeightings[seed / 2 % 3],
                                .dresidual = dresidual,
                                .in_place = in_place,
                                .seed = seed});
          }
        }
      }
    }
  }
}

TEST(BrokenExchange, OfAForwardLeavesAnEmptyRecord) {
  const Case test{.shape = {4, 18, 3}};
  const Problem problem = make_problem(test);
  FragileCommunicator communicator;
  NormRecord record;
  const ForwardRun forward = run_forward(test, problem, &record, nullptr, &communicator);
  communicator.is_broken = true;
  TensorBuffer y(test.shape, test.layout, test.dtype);
  const auto untouched = y.bytes();
  NormForward again;
  again.x = forward.x.view();
  again.y = y.view();
  EXPECT_THROW(batch_norm(again, {.communicator = &communicator}, &record), std::runtime_error);
  EXPECT_TRUE(y.bytes() == untouched) << "y was written";
  NormBackward backward;
  backward.x = forward.x.view();
  backward.dy = forward.y.view();
  EXPECT_THROW(norm_backward(backward, record), Error);
}

TEST(BrokenExchange, OfALayerLeavesNothingToGoBackFrom) {
  const Shape shape = {4, 2, 3};
  std::vector<float> values(24);
  std::iota(values.begin(), values.end(), 0.0F);
  std::vector<float> y(24), dx(24);
  const auto view = [&](std::vector<float>& of) {
    return TensorView{.data = of.data(), .shape = shape};
  };
  FragileCommunicator communicator;
  BatchNorm layer({.channels = 2, .communicator = &communicator, .name = "bn1"});
  layer.forward(view(values), view(y));
  communicator.is_broken = true;
  EXPECT_THROW(layer.forward(view(values), view(y)), std::runtime_error);
  EXPECT_EQ(layer.running_statistics().staged(), 1);
  EXPECT_THAT(message_of([&] { layer.backward(view(values), view(y), view(dx)); }),
              ::testing::HasSubstr("bn1: "));
  EXPECT_THAT(message_of([&] { layer.backward(view(values), view(y), view(dx)); }),
              ::testing::Not(::testing::HasSubstr("record")));
}

}  // namespace
}  // namespace equipoise::testing
