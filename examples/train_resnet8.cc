// Trains a small residual network on Fashion-MNIST and says how often it is right.

#include <cstdint>
#include <cstdio>
#include <exception>
#include <optional>
#include <utility>

#include <equipoise/loader.h>
#include <equipoise/models.h>
#include <equipoise/session.h>
#include <equipoise/train.h>

using namespace equipoise;

namespace {

void train() {
  Graph graph = build_model("resnet8", {.input_channels = 1, .input_size = {{28, 28}}});
  add_classification_loss(graph);
  Session session(graph, {.optimizer = ops::SgdOptions{.momentum = 0.9, .weight_decay = 1e-4}});

  const DatasetPtr training = open_dataset("fashion-mnist", Split::kTraining);
  const ChannelStatistics statistics = channel_statistics(*training, 1);
  LoaderOptions options{
      .preprocessing = {.channels = 1, .mean = statistics.mean, .std = statistics.std},
      .augmentation = {.crop = Crop::kRandom, .padding = 2, .flip = 0.5},
      .batch_size = 128};
  Loader batches(training, Pass::kTraining, options);
  double loss = 0;
  for (int step = 1; step <= 300; ++step) {
    const std::optional<Batch> batch = batches.next();
    const float rate = 0.1F * (1 - static_cast<float>(step - 1) / 300);
    const double step_loss =
        session.train({{"image", batch->images}, {"labels", batch->labels}}, {.rate = rate}).loss;
    loss += step_loss / 50;
    if (step % 50 == 0) std::printf("step %3d  loss %.3f\n", step, std::exchange(loss, 0));
  }

  const DatasetPtr test = open_dataset("fashion-mnist", Split::kTest);
  options.batch_size = 500;
  Loader test_batches(test, Pass::kEvaluation, options);
  std::int64_t right = 0;
  while (const std::optional<Batch> batch = test_batches.next()) {
    const auto* labels = static_cast<const std::int32_t*>(batch->labels.data);
    right += count_right(session.run({{"image", batch->images}}).view("logits"),
                         {labels, batch->indices.size()});
  }
  std::printf("accuracy %.2f %%\n",
              100.0 * static_cast<double>(right) / static_cast<double>(test->size()));
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
