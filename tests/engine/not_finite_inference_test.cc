/// Folded inference of weights, statistics and samples that are not finite: the answers of
/// inference without folding.

#include <bit>
#include <cmath>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "engine/images.h"
#include "equipoise/operations.h"

namespace equipoise::testing {
namespace {

constexpr ops::Pair kSize = {16, 16};
constexpr std::int64_t kBatch = 4;

class NotFinite : public ::testing::Test {
 protected:
  std::vector<float> logits() {
    const Images images(kBatch, kSize, 3, 5);
    const Results results = session_.run({images.image()});
    const auto values = results.values("logits");
    return {values.begin(), values.end()};
  }

  Session session_{classifier(), {.seed = 3}};
};

TEST_F(NotFinite, NumbersStaySo) {
  for (const char* name : {"conv1.weight", "bn1.weight", "bn1.running_mean"}) {
    const std::vector<float> before = logits();
    float& value = session_.state().values(name)[0];
    const float good = value;
    value = std::nanf("");
    for (int run = 0; run < 2; ++run) {
      for (const float logit : logits()) EXPECT_TRUE(std::isnan(logit)) << name;
    }
    session_.state().values(name)[0] = good;
    EXPECT_EQ(logits(), before) << name;
  }
}

TEST_F(NotFinite, ASampleThatIsNotFiniteHasNoAnswer) {
  const std::vector<float> before = logits();
  for (const float bad : {std::nanf(""), HUGE_VALF}) {
    Images images(kBatch, kSize, 3, 5);
    images.pixels()[5] = bad;
    const Results results = session_.run({images.image()});
    const auto actual = results.values("logits");
    const std::size_t classes = actual.size() / kBatch;
    for (std::size_t i = 0; i < actual.size(); ++i) {
      EXPECT_EQ(std::isfinite(actual[i]), i >= classes) << bad << ", " << i;
    }
    for (std::size_t i = classes; i < actual.size(); ++i) {
      EXPECT_EQ(actual[i], before[i]) << bad << ", " << i;
    }
  }
  EXPECT_EQ(logits(), before);
}

/// Bits, among which a NaN is like itself.
std::vector<std::uint32_t> bits_of(std::span<const float> values) {
  std::vector<std::uint32_t> bits;
  for (const float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
  return bits;
}

TEST(NotFiniteInABatch, IsAnsweredWithoutFoldingForThoseSamplesAlone) {
  const std::vector<std::string> taps = {"relu", "layer1.0.relu", "image"};
  // With room for one plan only, each of the two pushes the other out.
  Session session(classifier(), {.taps = taps, .plans = 1});
  Session apart(classifier(), {.skip_passes = {"fold_norms", "fuse_convolutions"}, .taps = taps});
  const Images good(kBatch, kSize, 3, 5);
  Images bad = good;
  const std::size_t pixels = bad.pixels().size() / kBatch;
  bad.pixels()[pixels + 5] = std::nanf("");
  bad.pixels()[3 * pixels + 70] = -HUGE_VALF;
  Context context;
  // The first of its names stands in the folded plan for all of a layer, whose result is a tap.
  for (const auto& [until, names] : std::map<std::string, std::vector<std::string>>{
           {"conv1", {"relu"}},
           {"layer1.0.relu", {"relu", taps[1]}},
           {"", {"relu", taps[1], "image", "logits"}}}) {
    std::map<std::string, std::vector<std::uint32_t>> folded;
    std::map<std::string, std::vector<std::uint32_t>> unfolded;
    const Results of_good = session.run({good.image()}, {.until = until, .context = &context});
    for (const std::string& name : names) folded[name] = bits_of(of_good.values(name));
    const Results of_apart = apart.run({bad.image()});
    for (const std::string& name : names) unfolded[name] = bits_of(of_apart.values(name));
    const Results results = session.run({bad.image()}, {.until = until, .context = &context});
    for (const std::string& name : names) {
      const std::vector<std::uint32_t> actual = bits_of(results.values(name));
      const std::size_t row = actual.size() / kBatch;
      for (std::size_t i = 0; i < actual.size(); ++i) {
        const auto& expected = i / row % 2 == 0 ? folded : unfolded;
        ASSERT_EQ(actual[i], expected.at(name)[i]) << until << ": " << name << ", " << i;
      }
    }
    EXPECT_NE(folded["relu"], unfolded["relu"]);
  }
}

/// A convolution with ReLU, and whatever `add_rest` makes of them.
template <class AddRest>
Session convolution_and(const AddRest& add_rest) {
  Graph graph("rest");
  const TensorId image = graph.add_input("image", {GraphShape::kBatch, 3, 16, 16});
  const Initialization random{.kind = Initialization::Kind::kNormal, .value = 0.3};
  const TensorId weight = graph.add_parameter("weight", {8, 3, 3, 3}, random);
  const TensorId x = ops::convolution(graph, "conv", image, weight, {});
  graph.add_output(ops::activate(graph, "relu", x, ops::Function::kRelu));
  add_rest(graph, graph.outputs()[0]);
  return Session(std::move(graph));
}

TEST(NotFiniteInABatch, IsAnsweredWithoutFoldingForAllWhereSamplesShareStatistics) {
  Session session = convolution_and([](Graph& graph, TensorId x) {
    graph.add_output(ops::batch_norm(graph, "norm", {.x = x}, {.update_running = false}));
  });
  Images images(kBatch, kSize, 3, 5);
  images.pixels()[5] = std::nanf("");
  const Results results = session.run({images.image()});
  for (const float value : results.values("norm")) ASSERT_TRUE(std::isnan(value));
}

TEST(NotFiniteInABatch, IsAnsweredWithoutFoldingForWhatIsComputedOfAllSamples) {
  Session session = convolution_and([](Graph& graph, TensorId x) {
    const TensorId half = ops::multiply(graph, "half", x, graph.add_constant("0.5", {}, {0.5}));
    graph.add_output(ops::mean_squared_error(graph, "error", x, half));
  });
  const Images good(kBatch, kSize, 3, 5);
  const Results of_good = session.run({good.image()});
  const std::vector<std::uint32_t> expected = bits_of(of_good.values("relu"));
  Images bad = good;
  bad.pixels()[5] = std::nanf("");
  const Results results = session.run({bad.image()});
  EXPECT_TRUE(std::isnan(results.values("error")[0]));
  const std::vector<std::uint32_t> actual = bits_of(results.values("relu"));
  for (std::size_t i = actual.size() / kBatch; i < actual.size(); ++i) {
    ASSERT_EQ(actual[i], expected[i]) << i;
  }
}

}  // namespace
}  // namespace equipoise::testing
