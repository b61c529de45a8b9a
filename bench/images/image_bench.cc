// What images cost on their way from a file to the size of a network:
//   image_bench train|evaluate SECONDS FILE...
//
// Goes through the files for that long, on one thread, and prints images per second and the sum of
// all bytes of one pass. bench/peers/pillow_images.py does the same with Pillow.

#include <chrono>
#include <cstdlib>
#include <exception>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "equipoise/image.h"

namespace equipoise {
namespace {

/// A part of the image, in pixels 224 × 224, as random resized crops are.
Image for_training(const std::string& file, int i) {
  const Image image = read_image(file);
  const int width = image.width * (3 + i % 7) / 10;
  const int height = image.height * (3 + i % 7) / 10;
  const int left = (image.width - width) / 2;
  const int top = (image.height - height) / 3;
  return resize(image, 224, 224, Interpolation::kBilinear,
                Box{.left = static_cast<float>(left),
                    .top = static_cast<float>(top),
                    .right = static_cast<float>(left + width),
                    .bottom = static_cast<float>(top + height)});
}

/// The middle of the image, its shorter side being 256 pixels.
Image for_evaluation(const std::string& file, int /*i*/) {
  const Image image = read_image(file, {.shorter_side = 256});
  const bool wide = image.width > image.height;
  const int width = wide ? 256 * image.width / image.height : 256;
  const int height = wide ? 256 : 256 * image.height / image.width;
  return crop(resize(image, width, height, Interpolation::kBilinear), (width - 224) / 2,
              (height - 224) / 2, 224, 224);
}

void run(std::string_view way, double seconds, const std::vector<std::string>& files) {
  using Clock = std::chrono::steady_clock;
  const auto make = way == "train" ? for_training : for_evaluation;
  std::int64_t sum = 0;
  std::int64_t passes = 0;
  const auto begin = Clock::now();
  std::chrono::duration<double> elapsed{};
  for (; elapsed.count() < seconds; ++passes, elapsed = Clock::now() - begin) {
    for (std::size_t i = 0; i < files.size(); ++i) {
      const Image image = make(files[i], static_cast<int>(i));
      if (passes == 0) sum = std::accumulate(image.pixels.begin(), image.pixels.end(), sum);
    }
  }
  const auto images = static_cast<double>(files.size()) * static_cast<double>(passes);
  fmt::print("{:.1f} {}\n", images / elapsed.count(), sum);
}

}  // namespace
}  // namespace equipoise

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() < 3 || (arguments[0] != "train" && arguments[0] != "evaluate")) {
    fmt::print(stderr, "image_bench train|evaluate SECONDS FILE...\n");
    return 2;
  }
  try {
    equipoise::run(arguments[0], std::strtod(arguments[1].c_str(), nullptr),
                   {arguments.begin() + 2, arguments.end()});
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
