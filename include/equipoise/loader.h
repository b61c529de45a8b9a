#pragma once

/// Batches of a data set: augmented, normalized, and made ahead by threads.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "equipoise/data.h"
#include "equipoise/export.h"
#include "equipoise/image.h"
#include "equipoise/tensor.h"

namespace equipoise {

/// What is cut out of an image in training.
enum class Crop : std::uint8_t {
  kCentre,  ///< the middle, as in evaluation
  kRandom,  ///< Preprocessing's height and width anywhere in the (resized) image with its padding;
            ///< torchvision's RandomCrop
  /// A box of random area and ratio anywhere in the original image, resized to height and width
  /// (Szegedy et al. 2015, torchvision's RandomResizedCrop): of ten tries the first that lies
  /// within the image, and if none does, the largest one in the middle of a ratio within bounds.
  kRandomResized,
};

/// Random changes of training images, behind which they are normalized.
struct Augmentation {
  Crop crop = Crop::kCentre;
  /// Of kRandom: black pixels around the (resized) image.
  int padding = 0;
  /// Of kRandomResized: the least and the greatest share of the image's area, uniform.
  std::array<double, 2> area = {0.08, 1};
  /// Of kRandomResized: the least and the greatest width/height, uniform in its logarithm.
  std::array<double, 2> ratio = {3.0 / 4, 4.0 / 3};
  /// The probability that left and right change places.
  double flip = 0;

  bool operator==(const Augmentation&) const = default;
};

/// What becomes of an image that cannot be read.
enum class BadImage : std::uint8_t {
  kFatal,  ///< an error, of the loader when its batch is asked for
  /// It is listed in `Loader::skipped`. In training the next one of the data set that can be read
  /// takes its place; in evaluation its batch is smaller, so that no image counts twice.
  kSkip,
};

/// Mean and standard deviation of each channel.
struct ChannelStatistics {
  std::vector<float> mean;
  std::vector<float> std;
};

struct StatisticsOptions {
  /// Skipped images do not count.
  BadImage bad_image = BadImage::kFatal;
  /// Threads that read images, the caller's included; 1 to 256. The result is the same for all.
  int workers = 1;
  /// Called now and then, by the caller's thread, with the number of images that have been read.
  std::function<void(std::int64_t)> progress = {};
};

/// Those of value/255 over all pixels of all images, in their own sizes, converted to `channels`
/// (1 or 3): what Preprocessing normalizes by. Exact, from counts of the 256 values. Reads every
/// image. Throws Error for an image that cannot be read (the first one), if it is not to be
/// skipped, a channel in which all pixels are equal, and numbers of channels or workers out of
/// range.
[[nodiscard]] EQUIPOISE_API ChannelStatistics
channel_statistics(const Dataset& dataset, int channels, const StatisticsOptions& options = {});

/// What the batches are for.
enum class Pass : std::uint8_t {
  /// Every epoch in an order of its own; augmented.
  kTraining,
  /// In the order of the data set; not augmented; all images.
  kEvaluation,
};

/// What becomes of a last batch that is not full.
enum class LastBatch : std::uint8_t {
  kKeep,
  /// One image alone is left out: for batch normalization that would have one value per channel,
  /// which has no variance.
  kDropSingle,
  kDrop,
};

struct LoaderOptions {
  /// Where height and width are 0, those of the data set's images, which have to be of one size.
  Preprocessing preprocessing = {};
  /// Not of evaluation.
  Augmentation augmentation = {};
  std::int64_t batch_size = 128;
  LastBatch last_batch = LastBatch::kKeep;
  BadImage bad_image = BadImage::kFatal;
  std::uint64_t seed = 0;
  /// Threads that make batches, each a whole one at a time; 1 to 256.
  int workers = 2;
  /// Batches that are made before they are asked for; 0: one more than there are workers.
  int ahead = 0;
};

/// Some images of a data set as a network takes them.
struct Batch {
  ConstTensorView images;                 ///< (N, C, H, W), f32, row-major
  ConstTensorView labels;                 ///< (N), i32
  std::span<const std::int64_t> indices;  ///< (N), which images of the data set they are
  std::int64_t number = 0;                ///< of the batch within its epoch, from 0
};

struct SkippedImage {
  std::int64_t index = 0;
  std::string name;
  /// A sentence with the name in it.
  std::string reason;
};

/// Makes the batches of one epoch after another, in threads of its own, which use no OpenMP.
///
///     Loader loader(data, Pass::kTraining, {.batch_size = 128});
///     for (std::int64_t epoch = 0; epoch < 30; ++epoch) {
///       loader.start(epoch);
///       while (const auto batch = loader.next()) step(*batch);
///     }
///
/// Which images a batch holds depends on (seed, epoch) and its number alone, and what augmentation
/// does to an image on (seed, epoch, index) alone: neither on the number of workers nor on where an
/// epoch was started. For one thread at a time.
class EQUIPOISE_API Loader {
 public:
  /// Throws Error for options out of range or beyond the memory, images whose size the options
  /// leave open, crops larger than images of a known size, and a data set of which no batch can be
  /// made.
  Loader(DatasetPtr dataset, Pass pass, const LoaderOptions& options);
  /// Waits for the images that are being made, not for their batches.
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// Goes to a batch of an epoch. Throws Error for numbers that are negative, and a batch >
  /// batches().
  void start(std::int64_t epoch, std::int64_t batch = 0);

  /// The next batch, until the next call of `next` or `start`; nothing behind the last one of the
  /// epoch. Without `start`, the first one of epoch 0. Throws what has gone wrong with an image of
  /// the batch (Error, with its name), again at every call until `start`.
  [[nodiscard]] std::optional<Batch> next();

  /// In an epoch. Skipped images may leave fewer.
  [[nodiscard]] std::int64_t batches() const;
  /// In an epoch, those of batches that are left out not counted.
  [[nodiscard]] std::int64_t samples() const;
  /// Of the largest batch, (N, C, H, W).
  [[nodiscard]] Shape shape() const;
  /// Why `samples` is less than the size of the data set, as a sentence; empty where it is not.
  [[nodiscard]] std::string note() const;
  /// Seconds that `next` has waited for batches, since the loader was made.
  [[nodiscard]] double seconds_waited() const;
  /// Images that could not be read in any batch returned so far, in the order of the data set.
  [[nodiscard]] std::vector<SkippedImage> skipped() const;

 private:
  class Workers;

  std::unique_ptr<Workers> workers_;
};

}  // namespace equipoise
