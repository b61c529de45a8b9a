#pragma once

#include "data/format.h"

namespace equipoise::data {

/// The binary versions of CIFAR-10 and CIFAR-100 (Krizhevsky 2009): records of the label (of 100
/// classes: the coarse and the fine one) and 32 × 32 pixels, all red, all green, all blue ones.
extern const DatasetFormat kCifar10;
extern const DatasetFormat kCifar100;

}  // namespace equipoise::data
