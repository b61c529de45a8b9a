// How many images a second the loader makes of Fashion-MNIST, augmented, in batches of 128, by one
// thread and by several: loader_bench [<workers>...]

#include <chrono>
#include <cstdlib>
#include <exception>
#include <vector>

#include <fmt/format.h>

#include "equipoise/loader.h"

namespace equipoise {
namespace {

struct Way {
  const char* name;
  LoaderOptions options;
};

double images_per_second(const DatasetPtr& data, const LoaderOptions& options) {
  using Clock = std::chrono::steady_clock;
  Loader loader(data, Pass::kTraining, options);
  static_cast<void>(loader.next());
  loader.start(1);
  const auto begin = Clock::now();
  while (loader.next()) {
  }
  return static_cast<double>(loader.samples()) /
         std::chrono::duration<double>(Clock::now() - begin).count();
}

void run(const std::vector<int>& workers) {
  const DatasetPtr data = open_dataset("fashion-mnist", Split::kTraining);
  const Preprocessing preprocessing{.channels = 1, .mean = {0.286F}, .std = {0.353F}};
  const std::vector<Way> ways = {
      {"as they are", {.preprocessing = preprocessing}},
      {"padded, cropped, flipped",
       {.preprocessing = preprocessing,
        .augmentation = {.crop = Crop::kRandom, .padding = 2, .flip = 0.5}}},
      {"resized crop, flipped",
       {.preprocessing = preprocessing,
        .augmentation = {.crop = Crop::kRandomResized, .flip = 0.5}}},
  };
  for (const auto& [name, options] : ways) {
    for (const int count : workers) {
      LoaderOptions with_workers = options;
      with_workers.workers = count;
      fmt::print("{:26} {} workers {:10.0f} images/s\n", name, count,
                 images_per_second(data, with_workers));
    }
  }
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
