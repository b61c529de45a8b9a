/// In inference an answer depends on its own sample: on the others of a batch by no bit, on their
/// number by rounding.

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "engine/networks.h"
#include "equipoise/session.h"

namespace equipoise::testing {
namespace {

using ::testing::ElementsAreArray;

enum class Others { kAlike, kWild, kOneNotFinite };

/// Inputs of so many samples; the first is always the same.
class Samples {
 public:
  Samples(const Graph& graph, std::int64_t count, Others others) {
    for (const TensorId id : graph.with_role(TensorRole::kInput)) {
      const TensorInfo& info = graph.tensor(id);
      if (info.name == "labels") continue;
      const Shape shape = info.type.shape.resolve(count);
      const std::int64_t per_sample = shape.element_count() / count;
      const std::uint64_t key = name_key(info.name);
      for (std::int64_t i = 0; i < shape.element_count(); ++i) {
        const float random = uniform(key, static_cast<std::uint64_t>(i));
        const bool wild = others == Others::kWild && i >= per_sample;
        if (info.type.dtype == DType::kI32) {
          const auto token = static_cast<std::int32_t>(12 * random);
          tokens_[info.name].push_back(wild ? 11 - token : token);
        } else if (info.name == "mask") {
          const std::int64_t length = wild ? per_sample : 3 + i / per_sample % 3;
          values_[info.name].push_back(i % per_sample < length ? 1.0F : 0.0F);
        } else {
          values_[info.name].push_back((wild ? -100.0F : 1.0F) * (2 * random - 1));
        }
      }
      if (others == Others::kOneNotFinite && info.name == "image") {
        values_[info.name].back() = std::nanf("");
      }
      shapes_[info.name] = shape;
    }
  }

  std::vector<Input> inputs() const {
    std::vector<Input> inputs;
    for (const auto& [name, values] : values_) {
      inputs.push_back({name, {.data = values.data(), .shape = shapes_.at(name)}});
    }
    for (const auto& [name, values] : tokens_) {
      inputs.push_back(
          {name, {.data = values.data(), .shape = shapes_.at(name), .dtype = DType::kI32}});
    }
    return inputs;
  }

 private:
  std::map<std::string, Shape> shapes_;
  std::map<std::string, std::vector<float>> values_;
  std::map<std::string, std::vector<std::int32_t>> tokens_;
};

std::vector<float> first_answer(Session& session, std::int64_t count, Others others) {
  const Samples samples(session.graph(), count, others);
  const Results results = session.run(samples.inputs());
  const auto all = results.values("logits");
  return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(all.size()) / count};
}

using Network = std::tuple<std::string, ModelNorm::Kind>;

class Independence : public ::testing::TestWithParam<Network> {};

TEST_P(Independence, OfAnAnswerFromTheRestOfTheBatch) {
  const auto& [name, norm] = GetParam();
  const Graph graph = small_network_in_inference(name, norm).graph;
  for (const std::optional<Layout> layout :
       {std::optional<Layout>(), std::optional(Layout::kChannelsFirst),
        std::optional(Layout::kChannelsLast), std::optional(Layout::kBlocked8),
        std::optional(Layout::kBlocked16)}) {
    SCOPED_TRACE(layout ? to_string(*layout) : "its own layout");
    Session session(graph, {.layout = layout});
    const std::vector<float> among_16 = first_answer(session, 16, Others::kAlike);
    EXPECT_THAT(first_answer(session, 16, Others::kWild), ElementsAreArray(among_16));
    EXPECT_THAT(first_answer(session, 16, Others::kOneNotFinite), ElementsAreArray(among_16));
    const float largest =
        std::abs(*std::ranges::max_element(among_16, {}, [](float v) { return std::abs(v); }));
    for (const std::int64_t count : {1, 7}) {
      const std::vector<float> fewer = first_answer(session, count, Others::kAlike);
      for (std::size_t i = 0; i < fewer.size(); ++i) {
        EXPECT_NEAR(fewer[i], among_16[i], 1e-5F * largest) << "among " << count;
      }
      EXPECT_EQ(std::ranges::max_element(fewer) - fewer.begin(),
                std::ranges::max_element(among_16) - among_16.begin());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, Independence,
                         ::testing::Combine(::testing::ValuesIn(small_network_names()),
                                            ::testing::Values(ModelNorm::Kind::kBatch,
                                                              ModelNorm::Kind::kGroup,
                                                              ModelNorm::Kind::kNone)),
                         [](const auto& network) {
                           return std::get<0>(network.param) + "_" +
                                  to_string(std::get<1>(network.param));
                         });

}  // namespace
}  // namespace equipoise::testing
