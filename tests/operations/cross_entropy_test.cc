#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/operations.h"
#include "equipoise/session.h"
#include "norm/error_message.h"
#include "operations/evaluate.h"

namespace equipoise::testing {
namespace {

using ::testing::HasSubstr;

double loss_of(std::vector<double> labels, double smoothing) {
  Graph graph;
  const TensorId logits = graph.add_input("logits", {GraphShape::kBatch, 4});
  const TensorId given = graph.add_input("labels", {GraphShape::kBatch}, DType::kI32);
  ops::cross_entropy(graph, "loss", logits, given, smoothing);
  return evaluate(
      graph, "loss",
      {{"logits", array_of({3, 4}, {1, -2, 0.5, 3, 0, 0.25, -1, 2, 1000, 999, 0, -1000})},
       {"labels", array_of({3}, std::move(labels))}},
      {.batch = 3})[0];
}

TEST(CrossEntropy, IsThatOfPyTorch) {
  // torch.nn.functional.cross_entropy in f64.
  EXPECT_NEAR(loss_of({3, 0, 1}, 0), 1.27406265256955, 1e-12);
  EXPECT_NEAR(loss_of({3, 0, 1}, 0.1), 26.31781265256955, 1e-12);
  EXPECT_NEAR(loss_of({3, 0, 1}, 1), 251.71156265256954, 1e-12);
}

TEST(CrossEntropy, ALabelOutOfRangeIsAnErrorOfTheRun) {
  EXPECT_THAT(message_of([] {
                loss_of({3, 4, 1}, 0);
              }),
              HasSubstr("sample 1 has the label 4; labels are 0 to 3"));
  EXPECT_THAT(message_of([] { loss_of({3, 0, -1}, 0); }), HasSubstr("sample 2 has the label -1"));
}

TEST(CrossEntropy, WhatDoesNotFitIsAnError) {
  Graph graph;
  const TensorId logits = graph.add_input("logits", {GraphShape::kBatch, 4});
  const TensorId labels = graph.add_input("labels", {GraphShape::kBatch}, DType::kI32);
  const TensorId few = graph.add_input("few", {3}, DType::kI32);
  EXPECT_THAT(message_of([&] { ops::cross_entropy(graph, "loss", logits, few); }),
              HasSubstr("labels has shape (3), logits (N, 4); there has to be one per row"));
  EXPECT_THAT(message_of([&] { ops::cross_entropy(graph, "loss", logits, logits); }),
              HasSubstr("labels is f32; it has to be i32"));
  EXPECT_THAT(message_of([&] { ops::cross_entropy(graph, "loss", logits, labels, 1.5); }),
              HasSubstr("label_smoothing is 1.5"));
}

TEST(CrossEntropy, ALabelOutOfRangeIsAnErrorOfTheEngine) {
  Graph graph;
  const TensorId logits = graph.add_input("logits", {GraphShape::kBatch, 4});
  graph.add_output(ops::cross_entropy(
      graph, "loss", logits, graph.add_input("labels", {GraphShape::kBatch}, DType::kI32)));
  Session session(graph);
  const std::vector<float> given(8);
  const std::vector<std::int32_t> labels = {3, 4};
  EXPECT_THAT(
      message_of([&] {
        session.run({{"logits", {.data = given.data(), .shape = {2, 4}}},
                     {"labels", {.data = labels.data(), .shape = Shape{2}, .dtype = DType::kI32}}});
      }),
      HasSubstr("node 'loss': cross_entropy: sample 1 has the label 4; labels are 0 to 3"));
}

}  // namespace
}  // namespace equipoise::testing
