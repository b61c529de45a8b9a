#include "data/format.h"

#include <array>

#include "data/cifar.h"
#include "data/idx_folder.h"
#include "data/image_folder.h"

namespace equipoise::data {

std::span<const DatasetFormat> dataset_formats() {
  static const std::array formats = {kIdxFolder, kCifar10, kCifar100, kImageFolder};
  return formats;
}

}  // namespace equipoise::data
