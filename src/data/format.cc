#include "data/format.h"

#include <array>

#include "data/cifar.h"
#include "data/idx_folder.h"

namespace equipoise::data {

std::span<const DatasetFormat> dataset_formats() {
  static const std::array formats = {kIdxFolder, kCifar10, kCifar100};
  return formats;
}

}  // namespace equipoise::data
