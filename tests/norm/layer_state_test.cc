#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/layers.h"
#include "norm/layer_testing.h"

namespace equipoise {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(LayerState, HasPyTorchsNames) {
  const auto names_of = [](const NormLayer& layer) {
    std::vector<std::string> names;
    for (const ConstStateView& part : layer.state()) names.emplace_back(part.name);
    return names;
  };
  EXPECT_THAT(names_of(BatchNorm({.channels = 2})),
              ElementsAre("weight", "bias", "running_mean", "running_var", "num_batches_tracked"));
  EXPECT_THAT(names_of(InstanceNorm({.channels = 2})), IsEmpty());
  EXPECT_THAT(names_of(GroupNorm({.channels = 2, .groups = 2})), ElementsAre("weight", "bias"));
  EXPECT_THAT(names_of(LayerNorm({.normalized_shape = {2}, .bias = Parameter::kAbsent})),
              ElementsAre("weight"));
  EXPECT_THAT(names_of(RmsNorm({.normalized_shape = {2}})), ElementsAre("weight"));
}

TEST(LayerState, LoadedIntoAnotherLayerGivesTheSameOutputs) {
  BatchNorm source = trained_layer();
  const Tensor x = random_tensor(1);
  forward(source, x);
  source.commit();
  BatchNorm target({.channels = kChannels});
  target.load_state(std::as_const(source).state());
  EXPECT_EQ(target.running_statistics().num_batches_tracked(), 1);
  EXPECT_THAT(target.running_statistics().var(),
              ElementsAreArray(source.running_statistics().var()));
  source.eval();
  target.eval();
  EXPECT_EQ(forward(target, x).values, forward(source, x).values);
}

TEST(LayerState, ViewsWriteThroughToTheLayer) {
  BatchNorm layer({.channels = 2});
  for (const StateView& part : layer.state()) {
    if (part.name == "running_var") {
      std::get<std::span<float>>(part.values)[1] = 7;
    } else if (part.name == "num_batches_tracked") {
      std::get<std::span<std::int64_t>>(part.values)[0] = 12;
    } else if (part.name == "weight") {
      std::get<std::span<float>>(part.values)[0] = 3;
    }
  }
  EXPECT_THAT(layer.running_statistics().var(), ElementsAre(1, 7));
  EXPECT_EQ(layer.running_statistics().num_batches_tracked(), 12);
  EXPECT_THAT(layer.weight(), ElementsAre(3, 1));
}

TEST(LayerState, ReadingItChangesNothing) {
  const BatchNorm layer({.channels = 2});
  const std::uint64_t revision = layer.running_statistics().revision();
  const std::vector<ConstStateView> state = layer.state();
  EXPECT_EQ(layer.running_statistics().revision(), revision);
  EXPECT_EQ(std::get<std::span<const float>>(state[3].values).data(),
            layer.running_statistics().var().data());
  EXPECT_THAT(std::get<std::span<const std::int64_t>>(state[4].values), ElementsAre(0));
}

class LoadState : public ::testing::Test {
 protected:
  // Loads what `change` makes of a good state, expects that this is refused and changes nothing.
  std::string refusal_of(const auto& change) {
    std::vector<ConstStateView> state = good();
    change(state);
    const std::uint64_t revision = layer_.running_statistics().revision();
    const std::string message = message_of([&] { layer_.load_state(state); });
    EXPECT_THAT(layer_.weight(), Each(1));
    EXPECT_THAT(layer_.running_statistics().mean(), Each(0));
    EXPECT_EQ(layer_.running_statistics().revision(), revision);
    return message;
  }

  std::vector<ConstStateView> good() const {
    return {{.name = "running_mean", .values = std::span(twos_)},
            {.name = "weight", .values = std::span(twos_)},
            {.name = "running_var", .values = std::span(twos_)},
            {.name = "num_batches_tracked", .values = std::span(count_)},
            {.name = "bias", .values = std::span(twos_)}};
  }

  BatchNorm layer_{{.channels = 2, .name = "bn"}};
  const std::vector<float> twos_ = {2, 2};
  const std::vector<float> threes_ = {2, 2, 2};
  const std::vector<std::int64_t> count_ = {9};
  const std::vector<std::int64_t> negative_ = {-3};
};

TEST_F(LoadState, TakesAllPartsInAnyOrder) {
  layer_.load_state(good());
  EXPECT_THAT(layer_.weight(), Each(2));
  EXPECT_THAT(layer_.running_statistics().var(), Each(2));
  EXPECT_EQ(layer_.running_statistics().num_batches_tracked(), 9);
}

TEST_F(LoadState, OldCheckpointsLackTheNumberOfBatches) {
  layer_.load_state(good());
  std::vector<ConstStateView> old = good();
  old.erase(old.begin() + 3);
  layer_.load_state(old);
  EXPECT_EQ(layer_.running_statistics().num_batches_tracked(), 0);
}

TEST_F(LoadState, DiscardsWhatIsStaged) {
  const std::vector<Moments> batch(layer_.weight().size(), {.count = 4, .mean = 1, .m2 = 4});
  layer_.running_statistics().stage(batch);
  layer_.load_state(good());
  EXPECT_EQ(layer_.running_statistics().staged(), 0);
}

TEST_F(LoadState, RefusesAMissingPart) {
  EXPECT_THAT(refusal_of([](auto& state) { state.pop_back(); }),
              HasSubstr("bn: 'bias' is missing"));
}

TEST_F(LoadState, RefusesAnUnknownPart) {
  EXPECT_THAT(
      refusal_of([](auto& state) { state[1].name = "gamma"; }),
      HasSubstr("bn: there is no 'gamma' to load; the layer has weight, bias, running_mean"));
}

TEST_F(LoadState, RefusesAPartGivenTwice) {
  EXPECT_THAT(refusal_of([](auto& state) { state.push_back(state[2]); }),
              HasSubstr("bn: 'running_var' is given more than once"));
}

TEST_F(LoadState, RefusesAnotherSize) {
  EXPECT_THAT(refusal_of([&](auto& state) { state[4].values = std::span(threes_); }),
              HasSubstr("bn: 'bias' has 3 values; the layer needs 2"));
}

TEST_F(LoadState, RefusesAnotherType) {
  EXPECT_THAT(refusal_of([&](auto& state) { state[3].values = std::span(twos_).first(1); }),
              HasSubstr("bn: 'num_batches_tracked' has to be int64"));
}

TEST_F(LoadState, RefusesANegativeNumberOfBatches) {
  EXPECT_THAT(refusal_of([&](auto& state) { state[3].values = std::span(negative_); }),
              HasSubstr("bn: num_batches_tracked is -3; it counts batches"));
}

}  // namespace
}  // namespace equipoise
