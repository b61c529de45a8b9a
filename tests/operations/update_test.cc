/// SGD and AdamW against those of torch.optim, and the norm that decides on a step.

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/operations.h"
#include "equipoise/session.h"
#include "norm/error_message.h"
#include "operations/evaluate.h"
#include "ops/sgd_update.h"

namespace equipoise::testing {
namespace {

using ::testing::HasSubstr;

struct SgdState {
  Array parameter = array_of({3}, {1, -2, 0.5});
  Array velocity = array_of({3}, {0, 0, 0});
};

/// Three steps with a rate of 1/4.
SgdState run_sgd(const ops::SgdOptions& options) {
  Graph graph;
  const TensorId parameter = graph.add_parameter("parameter", {3});
  const TensorId gradient = graph.add_input("gradient", {3});
  const TensorId velocity = options.momentum != 0 ? graph.add_buffer("velocity", {3}) : TensorId{};
  ops::sgd_update(graph, "update", parameter, gradient, velocity, graph.add_input("rate", {1}),
                  options);
  SgdState state;
  for (const std::vector<double>& g : {std::vector{0.5, -1.0, 2.0}, std::vector{-0.25, 0.75, 1.0},
                                       std::vector{0.125, 0.0, -3.0}}) {
    const auto result = interpret(graph,
                                  {{"parameter", state.parameter},
                                   {"velocity", state.velocity},
                                   {"gradient", array_of({3}, g)},
                                   {"rate", array_of({1}, {0.25})}},
                                  {});
    state.parameter = result.at("parameter");
    if (velocity) state.velocity = result.at("velocity");
  }
  return state;
}

TEST(SgdUpdate, IsThatOfPyTorch) {
  struct Case {
    ops::SgdOptions options;
    std::vector<double> parameter;
    std::vector<double> velocity = {0, 0, 0};
  };
  const Case cases[] = {{{}, {0.90625, -1.9375, 0.5}},
                        {{.weight_decay = 0.1}, {0.83771875, -1.798875, 0.4943671875}},
                        {{.momentum = 0.9}, {0.74875, -1.67875, -0.58}, {0.305, -0.135, -0.48}},
                        {{.momentum = 0.9, .weight_decay = 0.1},
                         {0.62171875, -1.423125, -0.5951953125},
                         {0.538125, -0.6075, -0.51296875}},
                        {{.momentum = 0.9, .nesterov = true, .weight_decay = 0.1},
                         {0.51349009375, -1.3094645625, -0.4191757734375},
                         {0.51817875, -0.5732325, -0.6162746875}}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.options.momentum);
    const SgdState state = run_sgd(c.options);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_NEAR(state.parameter.values[i], c.parameter[i], 1e-14);
      EXPECT_NEAR(state.velocity.values[i], c.velocity[i], 1e-14);
    }
  }
}

TEST(SgdUpdate, WhatDoesNotFitIsAnError) {
  Graph graph;
  const TensorId parameter = graph.add_parameter("parameter", {3, 2});
  const TensorId gradient = graph.add_input("gradient", {3, 2});
  const TensorId velocity = graph.add_buffer("velocity", {2, 3});
  const TensorId rate = graph.add_input("rate", {});
  const auto message = [&](TensorId g, TensorId v, TensorId r, const ops::SgdOptions& options) {
    return message_of([&] { ops::sgd_update(graph, "update", parameter, g, v, r, options); });
  };
  EXPECT_THAT(message(gradient, {}, rate, {.momentum = 0.9}),
              HasSubstr("momentum is 0.9; it needs a velocity of shape (3, 2)"));
  EXPECT_THAT(message(gradient, velocity, rate, {}), HasSubstr("without momentum"));
  EXPECT_THAT(message(gradient, velocity, rate, {.momentum = 0.9}),
              HasSubstr("velocity has shape (2, 3); it has to be (3, 2), as parameter"));
  EXPECT_THAT(message(rate, {}, rate, {}), HasSubstr("gradient has shape ()"));
  EXPECT_THAT(message(gradient, {}, gradient, {}), HasSubstr("rate has shape (3, 2)"));
  EXPECT_THAT(message(gradient, {}, rate, {.nesterov = true}), HasSubstr("nesterov needs"));
  EXPECT_THAT(message_of([&] {
                graph.add_node("update", std::make_shared<SgdUpdate>(ops::SgdOptions{}),
                               {parameter, gradient, {}, rate, gradient});
              }),
              HasSubstr("scale has shape (3, 2)"));
  EXPECT_THAT(message(gradient, {}, rate, {.weight_decay = -1}), HasSubstr("weight_decay is -1"));
}

struct AdamWState {
  Array parameter = array_of({3}, {1, -2, 0.5});
  Array exp_avg = array_of({3}, {0, 0, 0});
  Array exp_avg_sq = array_of({3}, {0, 0, 0});
};

/// Three steps with a rate of 1/4.
AdamWState run_adamw(const ops::AdamWOptions& options) {
  Graph graph;
  const TensorId parameter = graph.add_parameter("parameter", {3});
  const TensorId gradient = graph.add_input("gradient", {3});
  const ops::AdamWMoments moments{.exp_avg = graph.add_buffer("exp_avg", {3}),
                                  .exp_avg_sq = graph.add_buffer("exp_avg_sq", {3})};
  ops::adamw_update(graph, "update", parameter, gradient, moments, graph.add_input("rate", {}),
                    graph.add_input("count", {1}), options);
  AdamWState state;
  const std::vector<std::vector<double>> gradients = {
      {0.5, -1.0, 2.0}, {-0.25, 0.75, 1.0}, {0.125, 0.0, -3.0}};
  for (std::size_t t = 0; t < gradients.size(); ++t) {
    const auto result = interpret(graph,
                                  {{"parameter", state.parameter},
                                   {"exp_avg", state.exp_avg},
                                   {"exp_avg_sq", state.exp_avg_sq},
                                   {"gradient", array_of({3}, gradients[t])},
                                   {"rate", array_of({}, {0.25})},
                                   {"count", array_of({1}, {static_cast<double>(t + 1)})}},
                                  {});
    state = {.parameter = result.at("parameter"),
             .exp_avg = result.at("exp_avg"),
             .exp_avg_sq = result.at("exp_avg_sq")};
  }
  return state;
}

TEST(AdamWUpdate, IsThatOfPyTorch) {
  struct Case {
    ops::AdamWOptions options;
    std::vector<double> parameter;
    std::vector<double> exp_avg = {0.0305, -0.0135, -0.048};
    std::vector<double> exp_avg_sq = {0.00032756275, 0.0015599385, 0.013991004};
  };
  const Case cases[] = {
      {{}, {0.59830846229163548, -1.7104066287365993, 0.037449292389123409}},
      {{.weight_decay = 0.1}, {0.53917619350051993, -1.5770274099031283, 0.019048852533122732}},
      {{.beta1 = 0.75, .beta2 = 0.5, .epsilon = 0.125, .weight_decay = 0.1},
       {0.63728934363841572, -1.64246875, 0.060765574220604961},
       {0.0546875, 0, -0.28125},
       {0.0546875, 0.265625, 5.25}}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.options.weight_decay);
    const AdamWState state = run_adamw(c.options);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_NEAR(state.parameter.values[i], c.parameter[i], 1e-14);
      EXPECT_NEAR(state.exp_avg.values[i], c.exp_avg[i], 1e-14);
      EXPECT_NEAR(state.exp_avg_sq.values[i], c.exp_avg_sq[i], 1e-14);
    }
  }
}

TEST(AdamWUpdate, WhatDoesNotFitIsAnError) {
  Graph graph;
  const TensorId parameter = graph.add_parameter("parameter", {3, 2});
  const TensorId gradient = graph.add_input("gradient", {3, 2});
  const TensorId fits = graph.add_buffer("fits", {3, 2});
  const TensorId other = graph.add_buffer("other", {2, 3});
  const TensorId number = graph.add_input("number", {});
  const auto message = [&](const ops::AdamWMoments& moments, TensorId count,
                           const ops::AdamWOptions& options) {
    return message_of([&] {
      ops::adamw_update(graph, "update", parameter, gradient, moments, number, count, options);
    });
  };
  EXPECT_THAT(message({other, fits}, number, {}), HasSubstr("exp_avg has shape (2, 3)"));
  EXPECT_THAT(message({fits, other}, number, {}), HasSubstr("exp_avg_sq has shape (2, 3)"));
  EXPECT_THAT(message({fits, fits}, gradient, {}), HasSubstr("count has shape (3, 2)"));
  EXPECT_THAT(message({fits, fits}, number, {.beta1 = 1}), HasSubstr("beta1 is 1"));
  EXPECT_THAT(message({fits, fits}, number, {.beta2 = -0.5}), HasSubstr("beta2 is -0.5"));
  EXPECT_THAT(message({fits, fits}, number, {.epsilon = 0}), HasSubstr("epsilon is 0"));
  EXPECT_THAT(message({fits, fits}, number, {.weight_decay = -1}), HasSubstr("weight_decay is -1"));
}

double norm_of(double last) {
  Graph graph;
  const TensorId gradients[] = {graph.add_input("a", {2, 2}), graph.add_input("b", {2})};
  ops::gradient_norm(graph, "norm", gradients);
  return evaluate(graph, "norm",
                  {{"a", array_of({2, 2}, {1, -2, 2, 4})}, {"b", array_of({2}, {0, last})}})[0];
}

TEST(GradientNorm, IsOverAllElementsOfAllGradients) { EXPECT_DOUBLE_EQ(norm_of(-12), 13); }

TEST(GradientNorm, IsFiniteIfAndOnlyIfAllElementsAre) {
  EXPECT_TRUE(std::isfinite(norm_of(std::numeric_limits<float>::max())));
  EXPECT_FALSE(std::isfinite(norm_of(std::numeric_limits<double>::infinity())));
  EXPECT_FALSE(std::isfinite(norm_of(std::numeric_limits<double>::quiet_NaN())));
}

/// The engine's norm of gradients (2), in f32.
float norm_in_engine(const std::vector<float>& values) {
  Graph graph;
  const TensorId gradients[] = {graph.add_input("gradient", {2})};
  graph.add_output(ops::gradient_norm(graph, "norm", gradients));
  Session session(graph);
  const Results results = session.run({{"gradient", {.data = values.data(), .shape = Shape{2}}}});
  return results.values("norm")[0];
}

TEST(GradientNorm, IsFiniteInTheEngineIfAndOnlyIfAllGradientsAre) {
  EXPECT_FLOAT_EQ(norm_in_engine({3, 4}), 5);
  // Its f64 value is beyond f32.
  EXPECT_EQ(norm_in_engine({3e38F, -3e38F}), std::numeric_limits<float>::max());
  EXPECT_FALSE(std::isfinite(norm_in_engine({std::numeric_limits<float>::infinity(), 0})));
  EXPECT_FALSE(std::isfinite(norm_in_engine({0, std::numeric_limits<float>::quiet_NaN()})));
}

}  // namespace
}  // namespace equipoise::testing
