#pragma once

/// Data sets: images, each of one of several classes.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "equipoise/export.h"
#include "equipoise/image.h"
#include "equipoise/tensor.h"

namespace equipoise {

struct ImageSize {
  int channels = 0;
  int height = 0;
  int width = 0;

  bool operator==(const ImageSize&) const = default;
};

/// "28 × 28 × 1": height, width, channels.
[[nodiscard]] EQUIPOISE_API std::string to_string(const ImageSize& size);

/// Images, numbered from 0, of two or more classes. Immutable; all functions may be called from
/// several threads at once.
class EQUIPOISE_API Dataset {
 public:
  Dataset(const Dataset&) = delete;
  Dataset& operator=(const Dataset&) = delete;
  virtual ~Dataset() = default;

  /// At least 1.
  [[nodiscard]] virtual std::int64_t size() const = 0;
  [[nodiscard]] virtual const std::vector<std::string>& class_names() const = 0;
  /// The class of image i, in [0, class_names().size()).
  [[nodiscard]] virtual std::int32_t label(std::int64_t i) const = 0;
  /// Image i, with at least one pixel, in its own size. Throws Error, with the name, for one that
  /// cannot be read.
  [[nodiscard]] virtual Image image(std::int64_t i) const = 0;
  /// What messages call image i: "'dog/17.jpg'", "image 17 of 'train-images-idx3-ubyte'".
  [[nodiscard]] virtual std::string name(std::int64_t i) const = 0;
  /// That of all images; nothing where they differ, or where it takes reading them all to know.
  [[nodiscard]] virtual std::optional<ImageSize> image_size() const = 0;

 protected:
  Dataset() = default;
};

using DatasetPtr = std::shared_ptr<const Dataset>;

enum class Split : std::uint8_t { kTraining, kValidation, kTest };

[[nodiscard]] EQUIPOISE_API const char* to_string(Split split);

/// How a validation set is made where a data set has none of its own.
struct DatasetOptions {
  /// The share of the training images that is held out, in [0, 1); as `hold_out` does it.
  double validation_fraction = 0;
  std::uint64_t seed = 0;
  /// If not empty: the name or folder of a data set of the same classes that is the validation set,
  /// whatever else there is: its own validation images; without any its test images; with neither
  /// all of it.
  std::string validation_data = {};

  bool operator==(const DatasetOptions&) const = default;
};

/// Opens a data set:
/// - `fashion-mnist`: 60,000 and 10,000 grey images of 28 × 28 in 10 classes (Xiao et al. 2017),
///   from Debian's package dataset-fashion-mnist;
/// - a folder of IDX files with MNIST's names, compressed by gzip or not;
/// - a folder of CIFAR-10's or CIFAR-100's binary version (Krizhevsky 2009; the 100 fine classes);
/// - a folder of images in one folder per class (JPEG, PNG, WebP, BMP, PNM; torchvision's
///   ImageFolder), or of such folders called train, val or validation, and test.
/// What a folder holds is seen by the files in it. IDX and CIFAR are read into memory, images in
/// folders when they are asked for.
///
/// kValidation is a validation set of its own where there is one. Otherwise it is held out of the
/// training images by the options, and kTraining is the rest; the same options have to be given for
/// both. With a validation set of its own, `validation_fraction` is not used.
///
/// Throws Error for a name that is neither known nor a folder, files that are missing, too short or
/// too long, images without pixels, labels out of range, fewer than two classes, no images, a split
/// that is not there, validation images of other classes, and options out of range.
[[nodiscard]] EQUIPOISE_API DatasetPtr open_dataset(const std::string& name_or_path, Split split,
                                                    const DatasetOptions& options = {});

/// What is trained on, and what is held out; null where nothing is.
struct TrainingData {
  DatasetPtr training;
  DatasetPtr validation;
  /// Whether `validation` was held out of the training images, and is not a set of its own.
  bool is_held_out = false;
};

/// Both of `open_dataset`, reading once. Without a validation set and with a fraction of 0,
/// `validation` is null. Throws Error as `open_dataset` does.
[[nodiscard]] EQUIPOISE_API TrainingData open_training_data(const std::string& name_or_path,
                                                            const DatasetOptions& options = {});

/// Images by which a trained network is judged.
struct EvaluationData {
  DatasetPtr images;
  Split split = Split::kTest;
};

/// Test images; of a data set without any its own validation images; of one with neither all of it
/// (kTraining). Throws Error as `open_dataset` does.
[[nodiscard]] EQUIPOISE_API EvaluationData open_evaluation_data(const std::string& name_or_path);

/// Those images of a data set, in this order. Throws Error for no image, and one that is not there.
[[nodiscard]] EQUIPOISE_API DatasetPtr subset(DatasetPtr dataset, std::vector<std::int64_t> images);

/// Holds out round(fraction · n) of the n images of each class, chosen by the seed alone; at least
/// one is held out and one is left of each class that has two. Both keep the order of the data set.
/// A fraction of 0 holds out nothing. Throws Error for a fraction outside [0, 1), and where nothing
/// can be held out.
[[nodiscard]] EQUIPOISE_API TrainingData hold_out(DatasetPtr dataset, double fraction,
                                                  std::uint64_t seed = 0);

/// A tensor of bytes, row-major.
struct ByteTensor {
  Shape shape;
  std::vector<std::uint8_t> values;
};

/// Reads a file in the IDX format of the MNIST database (LeCun et al.), gzip-compressed or not:
/// big-endian, two bytes 0, the type 8 (unsigned byte), the number of dimensions, their sizes as
/// u32, the values. Throws Error for a file that cannot be read, is of another type, is cut off, or
/// goes on behind its last value. Thread-safe.
[[nodiscard]] EQUIPOISE_API ByteTensor read_idx(const std::filesystem::path& path);

}  // namespace equipoise
