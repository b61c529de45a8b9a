// Trains a small residual network on Fashion-MNIST and says how often it is right.

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <random>
#include <vector>

#include <equipoise/data.h>
#include <equipoise/error.h>
#include <equipoise/models.h>
#include <equipoise/session.h>

using namespace equipoise;

namespace {

// Images as numbers of mean 0 and standard deviation 1 (those of the training set), and labels.
struct Batch {
  Shape shape;
  std::vector<float> images;
  std::vector<std::int32_t> labels;

  Batch(const LabelledImages& data, std::span<const std::size_t> samples)
      : shape{static_cast<std::int64_t>(samples.size()), 1, 28, 28} {
    for (const std::size_t sample : samples) {
      const auto* pixels = data.pixels.data() + sample * 28 * 28;
      std::transform(pixels, pixels + 28 * 28, std::back_inserter(images),
                     [](std::uint8_t p) { return (static_cast<float>(p) - 72.94F) / 90.02F; });
      labels.push_back(data.labels[sample]);
    }
  }
  Input image() const { return {"image", {.data = images.data(), .shape = shape}}; }
  Input label() const {
    return {"labels", {.data = labels.data(), .shape = {shape[0]}, .dtype = DType::kI32}};
  }
};

int train() {
  Graph graph = build_model("resnet8", {.input_channels = 1, .input_size = {{28, 28}}});
  add_classification_loss(graph);
  Session session(graph, {.optimizer = ops::SgdOptions{.momentum = 0.9, .weight_decay = 1e-4}});

  const LabelledImages training = read_idx_images(Split::kTraining);
  std::vector<std::size_t> order(training.labels.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::shuffle(order.begin(), order.end(), std::mt19937(0));
  constexpr std::size_t kBatch = 128;
  constexpr std::size_t kSteps = 300;
  double loss = 0;
  for (std::size_t step = 1; step <= kSteps; ++step) {
    const Batch batch(training, std::span(order).subspan((step - 1) * kBatch, kBatch));
    const float rate = 0.1F * (1 - static_cast<float>(step - 1) / kSteps);
    loss += session.train({batch.image(), batch.label()}, {.rate = rate}).loss / 50;
    if (step % 50 == 0) std::printf("step %3zu  loss %.3f\n", step, std::exchange(loss, 0));
  }

  const LabelledImages test = read_idx_images(Split::kTest);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::size_t right = 0;
  for (std::size_t first = 0; first < test.labels.size(); first += 500) {
    const Batch batch(test, std::span(order).subspan(first, 500));
    const Results results = session.run({batch.image()});
    const auto logits = results.values("logits");
    for (std::size_t i = 0; i < 500; ++i) {
      const auto of_image = logits.subspan(i * 10, 10);
      right += std::ranges::max_element(of_image) - of_image.begin() == batch.labels[i] ? 1 : 0;
    }
  }
  std::printf("accuracy %.2f %%\n",
              100.0 * static_cast<double>(right) / static_cast<double>(test.labels.size()));
  return right > test.labels.size() * 8 / 10 ? 0 : 1;
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
