#pragma once

#include "equipoise/graph.h"
#include "equipoise/operations.h"
#include "equipoise/session.h"
#include "train/batches.h"

namespace equipoise::testing {

/// A classifier for `Batches`, with batch normalization and dropout.
inline Graph two_class_network() {
  constexpr std::int64_t kHidden = 8;
  const Initialization one{.value = 1};
  Graph graph("two classes");
  const TensorId x = graph.add_input("x", {GraphShape::kBatch, Batches::kFeatures});
  const TensorId labels = graph.add_input("labels", {GraphShape::kBatch}, DType::kI32);
  const TensorId weight =
      graph.add_parameter("fc1.weight", {kHidden, Batches::kFeatures},
                          {.kind = Initialization::Kind::kNormal, .value = 0.5});
  TensorId y = ops::linear(graph, "fc1", x, weight);
  y = ops::batch_norm(graph, "bn",
                      {.x = y,
                       .weight = graph.add_parameter("bn.weight", {kHidden}, one),
                       .bias = graph.add_parameter("bn.bias", {kHidden}),
                       .running_mean = graph.add_buffer("bn.running_mean", {kHidden}),
                       .running_var = graph.add_buffer("bn.running_var", {kHidden}, one)});
  y = ops::activate(graph, "relu", y, ops::Function::kRelu);
  y = ops::dropout(graph, "dropout", y, 0.2);
  const TensorId logits =
      ops::linear(graph, "logits", y, graph.add_parameter("fc2.weight", {2, kHidden}));
  graph.add_output(logits);
  graph.add_output(ops::cross_entropy(graph, "loss", logits, labels));
  return graph;
}

inline Session two_class_session() {
  return Session(two_class_network(), {.optimizer = ops::SgdOptions{.momentum = 0.9}, .seed = 4});
}

}  // namespace equipoise::testing
