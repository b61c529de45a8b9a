#pragma once

#include "data/format.h"

namespace equipoise::data {

/// A folder of images per class, named after it, in which images may lie in further folders; or
/// such folders of classes in `train`, `val` or `validation`, and `test`. Classes and images are in
/// the order of their names. Images are read when they are asked for.
extern const DatasetFormat kImageFolder;

}  // namespace equipoise::data
