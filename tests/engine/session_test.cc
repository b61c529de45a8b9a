/// Running graphs: results, inputs that do not fit, contexts, taps.

#include <algorithm>
#include <cmath>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "engine/images.h"
#include "equipoise/runtime.h"

namespace equipoise::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

constexpr ops::Pair kSize = {16, 16};

std::vector<float> logits(Session& session, const Images& images) {
  const Results results = session.run({images.image()});
  const auto values = results.values("logits");
  return {values.begin(), values.end()};
}

TEST(Session, GivesTheSameBitsRunToRun) {
  const Images images(4, kSize);
  std::vector<std::vector<float>> states;
  for (int run = 0; run < 2; ++run) {
    Session session(classifier("resnet8"),
                    {.optimizer = ops::SgdOptions{.momentum = 0.9}, .seed = 3});
    for (int step = 0; step < 3; ++step)
      session.train({images.image(), images.labels()}, {.rate = 0.1F});
    states.push_back(all_values(session));
  }
  EXPECT_THAT(states[0], ElementsAreArray(states[1]));
}

TEST(Session, SeedsGiveOtherParameters) {
  Session a(classifier(), {.seed = 1});
  Session b(classifier(), {.seed = 2});
  EXPECT_NE(all_values(a), all_values(b));
}

TEST(Session, RunsAnyBatchSizeWithTheSameParameters) {
  Session session(classifier(), {.optimizer = ops::SgdOptions{}});
  const Images images(7, kSize);
  const Images rest(3, kSize);
  EXPECT_TRUE(session.train({images.image(), images.labels()}, {.rate = 0.1F}).updated);
  EXPECT_TRUE(session.train({rest.image(), rest.labels()}, {.rate = 0.1F}).updated);
  EXPECT_TRUE(session.train({images.image(), images.labels()}, {.rate = 0.1F}).updated);
  EXPECT_EQ(session.state().running_statistics("bn1.running_mean")->num_batches_tracked(), 3);
}

TEST(Session, AnAnswerDoesNotDependOnTheRestOfTheBatch) {
  for (const char* model : {"resnet18", "mobilenet_v2", "efficientnet_b0"}) {
    constexpr ops::Pair size = {32, 32};
    Session session(classifier(model, {.input_size = size}));
    Images images(16, size);
    const std::vector<float> among_16 = logits(session, images);
    const auto first = [](const std::vector<float>& all) {
      return std::vector<float>(all.begin(), all.begin() + 10);
    };
    Images others = images;
    const std::size_t per_sample = images.pixels().size() / 16;
    for (std::size_t i = per_sample; i < others.pixels().size(); ++i) others.pixels()[i] *= -100;
    EXPECT_THAT(first(logits(session, others)), ElementsAreArray(first(among_16))) << model;

    for (const std::int64_t count : {1, 7}) {
      const std::vector<float> fewer = first(logits(session, Images(count, size)));
      double largest = 0;
      for (const float v : first(among_16))
        largest = std::max(largest, std::abs(static_cast<double>(v)));
      for (std::size_t i = 0; i < fewer.size(); ++i) {
        EXPECT_NEAR(fewer[i], among_16[i], 1e-5 * largest) << model << " among " << count;
      }
      EXPECT_EQ(std::ranges::max_element(fewer) - fewer.begin(),
                std::max_element(among_16.begin(), among_16.begin() + 10) - among_16.begin());
    }
  }
}

TEST(Session, ContextsOfSeveralThreadsDoNotDisturbEachOther) {
  Session session(classifier());
  const Images images(4, kSize);
  const Images others(4, kSize, 3, 99);
  const std::vector<float> expected = logits(session, images);
  const std::vector<float> expected_of_others = logits(session, others);
  const auto repeat = [&](const Images& mine, const std::vector<float>& wanted) {
    Context context;
    for (int i = 0; i < 10; ++i) {
      const Results results = session.run({mine.image()}, {.context = &context});
      EXPECT_THAT(results.values("logits"), ElementsAreArray(wanted));
    }
  };
  std::thread one(repeat, std::cref(images), std::cref(expected));
  std::thread two(repeat, std::cref(others), std::cref(expected_of_others));
  one.join();
  two.join();
}

TEST(Session, TapsGiveTensorsThatFusionWouldHide) {
  const Images images(2, kSize);
  Session session(classifier(), {.taps = {"bn1", "relu"}});
  const Results results = session.run({images.image()});
  const auto normalized = results.values("bn1");
  const auto rectified = results.values("relu");
  ASSERT_EQ(normalized.size(), 2U * 16 * 16 * 16);
  EXPECT_TRUE(std::ranges::any_of(normalized, [](float v) { return v < 0; }));
  for (std::size_t i = 0; i < normalized.size(); ++i) {
    ASSERT_EQ(rectified[i], std::max(normalized[i], 0.0F));
  }
  Session untapped(classifier());
  EXPECT_THAT(logits(session, images), ElementsAreArray(logits(untapped, images)));
}

TEST(Session, ResultsAreNotTheCallersInput) {
  Images images(2, kSize);
  Session session(classifier(), {.taps = {"image"}});
  const Results results = session.run({images.image()});
  const float first = images.pixels()[0];
  images.pixels()[0] = 1000;
  EXPECT_EQ(results.values("image")[0], first);
}

TEST(Session, StopsAtANode) {
  const Images images(2, kSize);
  Session session(classifier(), {.taps = {"layer1.0.relu"}});
  const Results results = session.run({images.image()}, {.until = "layer1.0.add"});
  EXPECT_FALSE(results.values("layer1.0.relu").empty());
  EXPECT_THAT(error_of([&] { static_cast<void>(results.values("logits")); }),
              AllOf(HasSubstr("no result 'logits'"), HasSubstr("layer1.0.relu")));
  EXPECT_THAT(error_of([&] { session.run({images.image()}, {.until = "layer1.0.ad"}); }),
              AllOf(HasSubstr("no node 'layer1.0.ad'"), HasSubstr("did you mean")));
}

TEST(Session, StopsAtWhatStandsForANodeThatAPassRemoved) {
  Graph graph("removed");
  const TensorId x = graph.add_input("x", {GraphShape::kBatch, 2});
  const TensorId at_once = ops::dropout(graph, "drop input", x, 0.5);
  const TensorId doubled = ops::add(graph, "doubled", at_once, x);
  const TensorId bent = ops::activate(graph, "bent", doubled, ops::Function::kRelu);
  const TensorId dropped = ops::dropout(graph, "drop", bent, 0.5);
  const TensorId twice = ops::dropout(graph, "drop again", dropped, 0.5);
  const TensorId two = graph.add_constant("two", {2}, {2, 2});
  const TensorId four = ops::multiply(graph, "four", two, two);
  const TensorId target = graph.add_input("target", {GraphShape::kBatch, 2});
  graph.add_output(ops::multiply(graph, "y", twice, four));
  graph.add_output(ops::mean_squared_error(graph, "loss", graph.tensor("y"), target));
  const std::vector<float> values = {1, -2};
  const Input input = {"x", {.data = values.data(), .shape = Shape{1, 2}}};
  Session session(graph, {.taps = {"bent"}});
  for (const char* node : {"bent", "drop", "drop again"}) {
    const Results results = session.run({input}, {.until = node});
    EXPECT_THAT(results.values("bent"), ::testing::ElementsAre(2, 0)) << node;
    EXPECT_NE(error_of([&] { static_cast<void>(results.values("y")); }), "no error") << node;
  }
  const auto error_until = [&](const char* node) {
    return error_of([&] { session.run({input}, {.until = node}); });
  };
  EXPECT_THAT(error_until("drop input"),
              AllOf(HasSubstr("graph 'removed'"), HasSubstr("'drop input', which does not run"),
                    HasSubstr("its result is 'x', which is given")));
  EXPECT_THAT(error_until("four"), HasSubstr("'four', which does not run: it reads constants"));
  EXPECT_THAT(error_until("loss"), AllOf(HasSubstr("'loss', which does not run: inference"),
                                         HasSubstr("SessionOptions::taps")));
}

TEST(Session, InputsThatDoNotFitAreErrors) {
  Session session(classifier());
  const Images images(2, kSize);
  const Images large(2, {20, 20});
  const Images more(3, kSize);
  const auto run = [&](std::vector<Input> inputs) {
    return error_of([&] { session.run(inputs); });
  };
  const auto train = [&](std::vector<Input> inputs) {
    return error_of([&] { session.train(inputs); });
  };
  EXPECT_THAT(run({}), AllOf(HasSubstr("'image'"), HasSubstr("missing")));
  EXPECT_THAT(run({large.image()}), AllOf(HasSubstr("'image'"), HasSubstr("(2, 3, 20, 20)"),
                                          HasSubstr("(N, 3, 16, 16)")));
  EXPECT_THAT(run({{"images", images.image().value}}),
              AllOf(HasSubstr("no such input"), HasSubstr("did you mean 'image'")));
  EXPECT_THAT(run({images.image(), images.image()}), HasSubstr("twice"));
  EXPECT_THAT(train({images.image()}), AllOf(HasSubstr("'labels'"), HasSubstr("missing")));
  EXPECT_THAT(train({images.image(), more.labels()}), HasSubstr("3 samples, 'image' has 2"));
  Input last = images.image();
  last.value.layout = Layout::kChannelsLast;
  EXPECT_THAT(run({last}), HasSubstr("row-major"));
  last = images.image();
  last.value.dtype = DType::kBF16;
  EXPECT_THAT(run({last}), AllOf(HasSubstr("bf16"), HasSubstr("f32")));
  last = images.image();
  last.value.data = nullptr;
  EXPECT_THAT(run({last}), HasSubstr("no data"));
}

TEST(Session, LabelsOutOfRangeAreErrorsAndChangeNothing) {
  Session session(classifier(), {.optimizer = ops::SgdOptions{}});
  const Images images(4, kSize);
  session.train({images.image(), images.labels()}, {.rate = 0.1F});
  const std::vector<float> before = all_values(session);
  const std::vector<std::int32_t> labels = {0, 10, 2, 3};
  const Input wrong = {"labels", {.data = labels.data(), .shape = Shape{4}, .dtype = DType::kI32}};
  EXPECT_THAT(error_of([&] {
                session.train({images.image(), wrong}, {.rate = 0.1F});
              }),
              AllOf(HasSubstr("node 'loss'"), HasSubstr("10")));
  EXPECT_THAT(all_values(session), ElementsAreArray(before));
  EXPECT_EQ(session.state().running_statistics("bn1.running_mean")->staged(), 0);
}

TEST(Session, OneValuePerChannelIsAnErrorInTrainingAndChangesNothing) {
  Session session(classifier("mlp", {.input_channels = 3}), {.optimizer = ops::SgdOptions{}});
  const Images one(1, kSize);
  const std::vector<float> before = all_values(session);
  EXPECT_THAT(error_of([&] {
                session.train({one.image(), one.labels()}, {.rate = 0.1F});
              }),
              AllOf(HasSubstr("node '"), HasSubstr("1 value per channel")));
  EXPECT_THAT(all_values(session), ElementsAreArray(before));
  EXPECT_NO_THROW(session.run({one.image()}));
}

TEST(Session, UnknownPassesTapsAndLossesAreErrors) {
  EXPECT_THAT(error_of([] { Session(classifier(), {.skip_passes = {"fuse"}}); }),
              AllOf(HasSubstr("no pass 'fuse'"), HasSubstr("fuse_norms")));
  EXPECT_THAT(error_of([] { Session(classifier(), {.taps = {"bn11"}}); }),
              AllOf(HasSubstr("'bn11'"), HasSubstr("did you mean 'bn1'")));
  EXPECT_THAT(error_of([] { Session(classifier(), {.taps = {"bn1:record"}}); }),
              HasSubstr("record 'bn1:record' has no values"));
  Session session(classifier(), {.loss = "los"});
  const Images images(2, kSize);
  EXPECT_THAT(error_of([&] {
                session.train({images.image(), images.labels()});
              }),
              AllOf(HasSubstr("'los'"), HasSubstr("did you mean 'loss'")));
}

TEST(Session, EverythingFrozenIsAnError) {
  Graph graph = classifier();
  EXPECT_GT(graph.set_frozen("*"), 0);
  Session session(graph, {.optimizer = ops::SgdOptions{}});
  const Images images(2, kSize);
  EXPECT_THAT(error_of([&] {
                session.train({images.image(), images.labels()}, {.rate = 0.1F});
              }),
              HasSubstr("no parameter to train"));
}

TEST(Session, FrozenParametersStay) {
  Graph graph = classifier();
  EXPECT_GT(graph.set_frozen("layer1.*"), 0);
  Session session(graph, {.optimizer = ops::SgdOptions{.momentum = 0.9}});
  const auto copy = [&](const char* name) {
    const auto values = session.state().values(name);
    return std::vector<float>(values.begin(), values.end());
  };
  const std::vector<float> frozen = copy("layer1.0.conv1.weight");
  const std::vector<float> trained = copy("conv1.weight");
  const Images images(4, kSize);
  session.train({images.image(), images.labels()}, {.rate = 0.1F});
  EXPECT_EQ(copy("layer1.0.conv1.weight"), frozen);
  EXPECT_NE(copy("conv1.weight"), trained);
  EXPECT_FALSE(session.state().has("layer1.0.conv1.weight.momentum"));
}

}  // namespace
}  // namespace equipoise::testing
