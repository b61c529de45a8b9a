#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/format.h"

namespace equipoise::data {

/// Files with MNIST's names, `train-` or `t10k-` `images-idx3-ubyte` and `labels-idx1-ubyte`, with
/// `.gz` or without, `-idx` or `.idx`. Classes are numbered up to the greatest label of training.
extern const DatasetFormat kIdxFolder;

/// The same with names for the classes, of which there are as many.
DatasetPtr open_idx_folder(const std::filesystem::path& folder, Split split,
                           std::vector<std::string> class_names);

}  // namespace equipoise::data
