#pragma once

#include <filesystem>
#include <span>
#include <string_view>

#include "equipoise/data.h"

namespace equipoise::data {

/// A way in which a folder can hold a data set.
struct DatasetFormat {
  /// "CIFAR-10"
  std::string_view name;
  /// What a folder of it looks like, for messages: "data_batch_1.bin … test_batch.bin".
  std::string_view files;
  /// Whether something in the folder says that this is what it holds, or is meant to hold.
  bool (*recognizes)(const std::filesystem::path& folder);
  /// A split; null where the format or the folder has none of its own. Throws Error for files that
  /// are missing or bad. A folder of classes without splits is one of training images.
  DatasetPtr (*open)(const std::filesystem::path& folder, Split split);
};

/// In the order in which they are asked.
std::span<const DatasetFormat> dataset_formats();

}  // namespace equipoise::data
