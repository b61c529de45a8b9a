// Builds a network of one residual block by hand, prints the graph and what the engine makes of it,
// and trains it to tell textures apart.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <vector>

#include <equipoise/error.h>
#include <equipoise/operations.h>
#include <equipoise/session.h>

using namespace equipoise;

namespace {

constexpr std::int64_t kChannels = 16;
constexpr std::int64_t kSide = 8;

Graph build() {
  Graph graph("residual_block");
  const TensorId x = graph.add_input("image", {GraphShape::kBatch, kChannels, kSide, kSide});
  const TensorId weight = graph.add_parameter(
      "conv.weight", {kChannels, kChannels, 3, 3},
      {.kind = Initialization::Kind::kNormal, .value = std::sqrt(2.0 / (9 * kChannels))});
  TensorId y = ops::convolution(graph, "conv", x, weight, {}, {.padding = ops::Edges::all(1)});
  const Initialization one{.value = 1};
  y = ops::batch_norm(graph, "bn",
                      {.x = y,
                       .weight = graph.add_parameter("bn.weight", {kChannels}, one),
                       .bias = graph.add_parameter("bn.bias", {kChannels}),
                       .running_mean = graph.add_buffer("bn.running_mean", {kChannels}),
                       .running_var = graph.add_buffer("bn.running_var", {kChannels}, one)});
  y = ops::add(graph, "add", y, x);
  y = ops::activate(graph, "relu", y, ops::Function::kRelu);

  y = ops::flatten(graph, "flatten", ops::global_average_pool(graph, "pool", y));
  const TensorId fc = graph.add_parameter("fc.weight", {4, kChannels},
                                          {.kind = Initialization::Kind::kUniform, .value = 0.25});
  const TensorId logits = ops::linear(graph, "logits", y, fc);
  const TensorId labels = graph.add_input("labels", {GraphShape::kBatch}, DType::kI32);
  graph.add_output(logits);
  graph.add_output(ops::cross_entropy(graph, "loss", logits, labels));
  return graph;
}

// Stripes one way or the other, a chessboard, or nothing; and noise.
struct Textures {
  std::vector<float> images;
  std::vector<std::int32_t> labels;

  Textures(std::int64_t samples, std::mt19937& generator) {
    std::normal_distribution<float> noise;
    for (std::int64_t n = 0; n < samples; ++n) {
      const auto label = static_cast<std::int32_t>(generator() % 4);
      labels.push_back(label);
      for (std::int64_t i = 0; i < kChannels * kSide * kSide; ++i) {
        const std::int64_t row = i / kSide % kSide;
        const std::int64_t column = i % kSide;
        const std::int64_t odd[] = {row % 2, column % 2, (row + column) % 2};
        const float texture = label == 3 ? 0.0F : odd[label] == 1 ? 1.0F : -1.0F;
        images.push_back(texture + noise(generator));
      }
    }
  }
  Input image() const {
    const auto samples = static_cast<std::int64_t>(labels.size());
    return {"image", {.data = images.data(), .shape = {samples, kChannels, kSide, kSide}}};
  }
  Input label() const {
    const auto samples = static_cast<std::int64_t>(labels.size());
    return {"labels", {.data = labels.data(), .shape = {samples}, .dtype = DType::kI32}};
  }
};

int train() {
  const Graph graph = build();
  std::printf("%s\n", graph.dump().c_str());

  Session session(graph, {.optimizer = ops::SgdOptions{.momentum = 0.9}});
  std::printf("%s\n", session.explain(Mode::kTraining, 32).c_str());
  std::printf("%s\n", session.explain(Mode::kInference, 100).c_str());

  std::mt19937 generator(1);
  for (int step = 1; step <= 60; ++step) {
    Textures batch(32, generator);
    if (step == 30) batch.images[123] = std::numeric_limits<float>::quiet_NaN();
    const StepResult result = session.train({batch.image(), batch.label()}, {.rate = 0.1F});
    if (!result.updated) std::printf("step %d skipped: %s\n", step, result.refusal.c_str());
    if (step % 20 == 0) std::printf("step %d: loss %.4f\n", step, result.loss);
  }

  const Textures test(100, generator);
  const Results results = session.run({test.image()});
  const auto logits = results.values("logits");
  int right = 0;
  for (std::size_t n = 0; n < 100; ++n) {
    const auto of_image = logits.subspan(n * 4, 4);
    right += std::ranges::max_element(of_image) - of_image.begin() == test.labels[n] ? 1 : 0;
  }
  std::printf("%d of 100 right\n", right);
  return right > 90 ? 0 : 1;
}

}  // namespace

int main() {
  try {
    return train();
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
