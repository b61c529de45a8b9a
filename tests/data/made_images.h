#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "equipoise/data.h"
#include "equipoise/error.h"

namespace equipoise::testing {

/// Images of random pixels, of three classes in turn.
class MadeImages final : public Dataset {
 public:
  struct Options {
    std::int64_t count = 10;
    ImageSize size = {.channels = 1, .height = 4, .width = 6};
    /// Those that cannot be read.
    std::set<std::int64_t> bad = {};
    /// Those of another size.
    std::set<std::int64_t> small = {};
    std::chrono::milliseconds delay{0};
  };
  explicit MadeImages(Options options) : options_(std::move(options)) {}

  std::int64_t size() const override { return options_.count; }
  const std::vector<std::string>& class_names() const override { return class_names_; }
  std::int32_t label(std::int64_t i) const override { return static_cast<std::int32_t>(i % 3); }
  std::string name(std::int64_t i) const override { return "image " + std::to_string(i); }
  std::optional<ImageSize> image_size() const override {
    return options_.small.empty() ? std::optional(options_.size) : std::nullopt;
  }
  Image image(std::int64_t i) const override {
    std::this_thread::sleep_for(options_.delay);
    if (options_.bad.contains(i)) throw Error(name(i) + " is bad");
    ImageSize size = options_.size;
    if (options_.small.contains(i)) size.height = size.width = 1;
    Image image{
        .width = size.width, .height = size.height, .channels = size.channels, .pixels = {}};
    for (int p = 0; p < size.channels * size.height * size.width; ++p) {
      image.pixels.push_back(static_cast<std::uint8_t>(
          philox(static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(p))[0]));
    }
    return image;
  }

 private:
  Options options_;
  std::vector<std::string> class_names_ = {"a", "b", "c"};
};

inline DatasetPtr made_images(MadeImages::Options options = {}) {
  return std::make_shared<MadeImages>(std::move(options));
}

}  // namespace equipoise::testing
