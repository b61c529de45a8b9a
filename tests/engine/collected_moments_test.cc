/// Moments that a context asks for, of every normalization that has them, in inference and in
/// training, against their definition in f64.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "base/random.h"
#include "equipoise/norm_summary.h"
#include "equipoise/operations.h"
#include "equipoise/session.h"

namespace equipoise::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kSamples = 3;
constexpr std::int64_t kChannels = 48;
constexpr std::int64_t kGroups = 3;

/// Images are squares: of small ones, group normalization's own statistics are no moments.
struct Case {
  std::string name;
  NormKind kind;
  std::int64_t size = 5;
  bool weighted = false;
};

void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }

class CollectedMoments : public ::testing::TestWithParam<Case> {
 protected:
  static Graph graph() {
    const auto [name, kind, size, weighted] = GetParam();
    Graph graph("test");
    const TensorId image = graph.add_input("image", {GraphShape::kBatch, 2, size, size});
    const TensorId weight = graph.add_parameter(
        "weight", {kChannels, 2, 1, 1}, {.kind = Initialization::Kind::kNormal, .value = 1});
    ops::NormInputs inputs{.x = ops::convolution(graph, "conv", image, weight, {})};
    if (weighted) inputs.position_weights = graph.add_input("w", {GraphShape::kBatch, size, size});
    TensorId y;
    if (kind == NormKind::kBatch) {
      inputs.running_mean = graph.add_buffer("running_mean", {kChannels});
      inputs.running_var = graph.add_buffer("running_var", {kChannels}, {.value = 1});
      y = ops::batch_norm(graph, "norm", inputs);
    } else if (kind == NormKind::kInstance) {
      y = ops::instance_norm(graph, "norm", inputs);
    } else {
      y = ops::group_norm(graph, "norm", inputs, kGroups);
    }
    y = ops::activate(graph, "relu", y, ops::Function::kRelu);
    graph.add_output(y);
    graph.add_output(ops::mean_squared_error(graph, "loss", y, inputs.x));
    return graph;
  }

  CollectedMoments() {
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(2 * kSamples * positions()); ++i) {
      image_.push_back(3 * uniform(1, i) - 1);
    }
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(kSamples * positions()); ++i) {
      weights_.push_back(i % 5 == 0 ? 0 : uniform(2, i));
    }
  }

  std::vector<Input> inputs() const {
    const std::int64_t size = GetParam().size;
    std::vector<Input> inputs = {
        {"image", {.data = image_.data(), .shape = Shape{kSamples, 2, size, size}}}};
    if (GetParam().weighted) {
      inputs.push_back({"w", {.data = weights_.data(), .shape = Shape{kSamples, size, size}}});
    }
    return inputs;
  }

  static std::int64_t positions() { return GetParam().size * GetParam().size; }

  /// Σw, Σw·x / Σw, Σw·(x − mean)² of samples [n0, n1) and channels [c0, c1).
  Moments moments_of(std::span<const float> values, std::int64_t n0, std::int64_t n1,
                     std::int64_t c0, std::int64_t c1) const {
    const auto sum = [&](const auto& term) {
      double total = 0;
      for (std::int64_t n = n0; n < n1; ++n) {
        for (std::int64_t i = c0 * positions(); i < c1 * positions(); ++i) {
          const float value = values[static_cast<std::size_t>(n * kChannels * positions() + i)];
          const float weight =
              weights_[static_cast<std::size_t>(n * positions() + i % positions())];
          total += (GetParam().weighted ? static_cast<double>(weight) : 1.0) *
                   term(static_cast<double>(value));
        }
      }
      return total;
    };
    Moments moments{.count = sum([](double /*x*/) { return 1.0; })};
    moments.mean = sum([](double x) { return x; }) / moments.count;
    moments.m2 = sum([&](double x) { return (x - moments.mean) * (x - moments.mean); });
    return moments;
  }

  void expect_of_blocks(std::span<const Moments> actual, std::span<const float> x,
                        std::int64_t samples, std::int64_t channels) const {
    const std::int64_t columns = kChannels / channels;
    ASSERT_EQ(actual.size(), static_cast<std::size_t>(kSamples / samples * columns));
    for (std::int64_t i = 0; i < kSamples / samples * columns; ++i) {
      const std::int64_t n = i / columns * samples;
      const std::int64_t c = i % columns * channels;
      const Moments expected = moments_of(x, n, n + samples, c, c + channels);
      const Moments& found = actual[static_cast<std::size_t>(i)];
      ASSERT_NEAR(found.count, expected.count, 1e-9 * expected.count) << i;
      ASSERT_NEAR(found.mean, expected.mean, 1e-5) << i;
      ASSERT_NEAR(found.m2, expected.m2, 1e-4 * expected.m2) << i;
    }
  }

  void expect_all(const Results& results) const {
    const std::span<const float> x = results.values("conv");
    const NormKind kind = GetParam().kind;
    expect_of_blocks(results.moments("norm"), x, kind == NormKind::kBatch ? kSamples : 1,
                     kind == NormKind::kGroup ? kChannels / kGroups : 1);
    expect_of_blocks(results.sample_moments("norm"), x, 1, 1);
  }

 private:
  std::vector<float> image_;
  std::vector<float> weights_;
};

TEST_P(CollectedMoments, AreThoseOfWhatIsNormalized) {
  for (const std::optional<Layout> layout :
       {std::optional<Layout>(), std::optional(Layout::kChannelsFirst),
        std::optional(Layout::kChannelsLast), std::optional(Layout::kBlocked8)}) {
    SCOPED_TRACE(layout ? to_string(*layout) : "its own layout");
    Session session(graph(), {.layout = layout, .taps = {"conv"}});
    session.context().set_norm("norm", {.collect_moments = true, .collect_sample_moments = true});
    expect_all(session.run(inputs()));
    expect_all(session.train(inputs()).results);
  }
}

TEST_P(CollectedMoments, AreThereIfSomebodyAsks) {
  Session session(graph(), {.taps = {"conv"}});
  const Results unasked = session.run(inputs());
  EXPECT_TRUE(unasked.moments("norm").empty());
  EXPECT_TRUE(unasked.sample_moments("norm").empty());
  session.context().set_norm("norm", {.collect_moments = true});
  EXPECT_TRUE(session.run(inputs()).sample_moments("norm").empty());
  session.context().set_norm("norm", {.collect_sample_moments = true});
  const Results results = session.run(inputs());
  expect_of_blocks(results.sample_moments("norm"), results.values("conv"), 1, 1);
  EXPECT_TRUE(results.moments("norm").empty());
}

INSTANTIATE_TEST_SUITE_P(, CollectedMoments,
                         ::testing::Values(Case{"batch", NormKind::kBatch},
                                           Case{"batch_weighted", NormKind::kBatch, 5, true},
                                           Case{"instance", NormKind::kInstance},
                                           Case{"instance_weighted", NormKind::kInstance, 5, true},
                                           Case{"group_of_small_images", NormKind::kGroup},
                                           Case{"group_of_large_images", NormKind::kGroup, 20},
                                           Case{"group_weighted", NormKind::kGroup, 5, true}),
                         [](const auto& test) { return test.param.name; });

class SettingsOfKinds : public ::testing::Test {
 protected:
  SettingsOfKinds() {
    Graph graph("kinds");
    TensorId x = graph.add_input("x", {GraphShape::kBatch, 6, 2, 2});
    x = ops::group_norm(graph, "group", {.x = x}, 2);
    x = ops::instance_norm(graph, "instance", {.x = x});
    x = ops::layer_norm(graph, "layer", {.x = x}, {.trailing = 3});
    graph.add_output(ops::rms_norm(graph, "rms", {.x = x}, {.trailing = 1}));
    session_.emplace(std::move(graph));
  }

  std::string error_with(const char* node, NormSettings settings) {
    const std::vector<float> x(24, 1.0F);
    Context context;
    context.set_norm(node, std::move(settings));
    return error_of([&] {
      session_->run({{"x", {.data = x.data(), .shape = Shape{1, 6, 2, 2}}}}, {.context = &context});
    });
  }

 private:
  std::optional<Session> session_;
};

TEST_F(SettingsOfKinds, ThatRunningStatisticsAloneHaveAreErrors) {
  for (const char* node : {"group", "instance"}) {
    for (const NormSettings& settings :
         {NormSettings{.statistics = Statistics::kBatch}, NormSettings{.update_running = false},
          NormSettings{.mean = {1}}, NormSettings{.var = {1}}}) {
      EXPECT_THAT(error_with(node, settings), HasSubstr("only collect_moments")) << node;
    }
  }
}

TEST_F(SettingsOfKinds, WhichKeepNoMomentsAreErrors) {
  EXPECT_THAT(error_with("layer", {.collect_moments = true}), HasSubstr("'layer' (layer_norm)"));
  EXPECT_THAT(error_with("rms", {.collect_sample_moments = true}), HasSubstr("'rms' (rms_norm)"));
  EXPECT_THAT(error_with("group1", {}), HasSubstr("did you mean 'group'"));
}

}  // namespace
}  // namespace equipoise::testing
