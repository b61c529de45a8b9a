// Trains a small residual network on Fashion-MNIST and says how often it is right.

#include <algorithm>
#include <cstdio>
#include <exception>
#include <numeric>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include <equipoise/data.h>
#include <equipoise/models.h>
#include <equipoise/session.h>

using namespace equipoise;

namespace {

// Samples as the network takes them: numbers of mean 0 and standard deviation 1, and labels.
struct Batch {
  std::vector<float> pixels;
  std::vector<std::int32_t> labels;

  Batch(const Dataset& data, std::span<const std::int64_t> samples) {
    for (const std::int64_t sample : samples) {
      for (const std::uint8_t p : data.image(sample).pixels) {
        pixels.push_back((static_cast<float>(p) - 72.9F) / 90.0F);
      }
      labels.push_back(data.label(sample));
    }
  }
  std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
  Input image() const { return {"image", {.data = pixels.data(), .shape = {size(), 1, 28, 28}}}; }
  Input label() const {
    return {"labels", {.data = labels.data(), .shape = {size()}, .dtype = DType::kI32}};
  }
};

void train() {
  Graph graph = build_model("resnet8", {.input_channels = 1, .input_size = {{28, 28}}});
  add_classification_loss(graph);
  Session session(graph, {.optimizer = ops::SgdOptions{.momentum = 0.9, .weight_decay = 1e-4}});

  const DatasetPtr training = open_dataset("fashion-mnist", Split::kTraining);
  std::vector<std::int64_t> order(static_cast<std::size_t>(training->size()));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::shuffle(order.begin(), order.end(), std::mt19937(0));
  double loss = 0;
  for (std::size_t step = 1; step <= 300; ++step) {
    const Batch batch(*training, std::span(order).subspan((step - 1) * 128, 128));
    const float rate = 0.1F * (1 - static_cast<float>(step - 1) / 300);
    loss += session.train({batch.image(), batch.label()}, {.rate = rate}).loss / 50;
    if (step % 50 == 0) std::printf("step %3zu  loss %.3f\n", step, std::exchange(loss, 0));
  }

  const DatasetPtr test = open_dataset("fashion-mnist", Split::kTest);
  std::iota(order.begin(), order.end(), std::int64_t{0});
  int right = 0;
  for (std::size_t first = 0; first < static_cast<std::size_t>(test->size()); first += 500) {
    const Batch batch(*test, std::span(order).subspan(first, 500));
    const Results results = session.run({batch.image()});
    for (std::size_t i = 0; i < 500; ++i) {
      const auto logits = results.values("logits").subspan(i * 10, 10);
      right += std::ranges::max_element(logits) - logits.begin() == batch.labels[i] ? 1 : 0;
    }
  }
  std::printf("accuracy %.2f %%\n", 100.0 * right / static_cast<double>(test->size()));
}

}  // namespace

int main() {
  try {
    train();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
