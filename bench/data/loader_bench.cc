// What the loader costs, on Fashion-MNIST: loader_bench [<workers>...]
//
// How many images a second it makes on its own, in batches of 128, and how long ResNet-20 waits for
// it, trained on images of 32 × 32 × 3 with crops and flips.

#include <chrono>
#include <cstdlib>
#include <exception>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "equipoise/loader.h"
#include "equipoise/models.h"
#include "equipoise/session.h"

namespace equipoise {
namespace {

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin_ = Clock::now();
};

struct Way {
  const char* name;
  LoaderOptions options;
};

constexpr Preprocessing kAsCifar{.height = 32, .width = 32};
constexpr Augmentation kCropAndFlip{.crop = Crop::kRandom, .padding = 4, .flip = 0.5};

void print_speed(const DatasetPtr& data, const std::vector<int>& workers) {
  const std::vector<Way> ways = {
      {"28 × 28, as they are", {.preprocessing = {.channels = 1}}},
      {"28 × 28, padded, cropped, flipped",
       {.preprocessing = {.channels = 1}, .augmentation = kCropAndFlip}},
      {"28 × 28, resized crop, flipped",
       {.preprocessing = {.channels = 1},
        .augmentation = {.crop = Crop::kRandomResized, .flip = 0.5}}},
      {"32 × 32 × 3, padded, cropped, flipped",
       {.preprocessing = kAsCifar, .augmentation = kCropAndFlip}},
  };
  for (auto [name, options] : ways) {
    for (const int count : workers) {
      options.workers = count;
      Loader loader(data, Pass::kTraining, options);
      const Stopwatch watch;
      while (loader.next()) {
      }
      const double seconds = watch.seconds();
      const auto images = static_cast<double>(loader.samples());
      fmt::print("{:38} {} workers {:8.0f} images/s, {:5.2f} µs each\n", name, count,
                 images / seconds, seconds / images * 1e6);
    }
  }
}

void print_waiting(const DatasetPtr& data, int workers) {
  Graph graph = build_model("resnet20");
  add_classification_loss(graph);
  Session session(graph, {.optimizer = ops::SgdOptions{.momentum = 0.9}});
  const auto step = [&](const Batch& batch) {
    session.train({{"image", batch.images}, {"labels", batch.labels}}, {.rate = 0.01F});
  };
  Loader loader(data, Pass::kTraining,
                {.preprocessing = kAsCifar, .augmentation = kCropAndFlip, .workers = workers});
  step(*loader.next());  // plans

  constexpr int kSteps = 50;
  const double before = loader.seconds_waited();
  const Stopwatch watch;
  for (int i = 0; i < kSteps; ++i) step(*loader.next());
  const double seconds = watch.seconds();
  const double waited = loader.seconds_waited() - before;
  fmt::print("resnet20, {} workers: {} steps in {:.2f} s, of which {:.4f} s waited ({:.3f} %)\n",
             workers, kSteps, seconds, waited, 100 * waited / seconds);
}

void run(const std::vector<int>& workers) {
  const DatasetPtr data = open_dataset("fashion-mnist", Split::kTraining);
  print_speed(data, workers);
  for (const int count : workers) print_waiting(data, count);
}

}  // namespace
}  // namespace equipoise

int main(int argc, char** argv) {
  try {
    std::vector<int> workers;
    for (int i = 1; i < argc; ++i) workers.push_back(std::atoi(argv[i]));
    equipoise::run(workers.empty() ? std::vector{1, 2} : workers);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
