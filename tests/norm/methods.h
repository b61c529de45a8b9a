#pragma once

#include <vector>

#include "norm/norm_case.h"

namespace equipoise::testing {

inline constexpr Layout kLayouts[] = {Layout::kChannelsFirst, Layout::kChannelsLast,
                                      Layout::kBlocked8, Layout::kBlocked16};
inline constexpr DType kDTypes[] = {DType::kF32, DType::kBF16};
inline constexpr Activation kActivations[] = {
    Activation::kNone, Activation::kRelu,    Activation::kRelu6, Activation::kLeakyRelu,
    Activation::kSilu, Activation::kSigmoid, Activation::kTanh,  Activation::kHardSwish};
inline constexpr Weighting kWeightings[] = {Weighting::kNone, Weighting::kMask,
                                            Weighting::kFractional};

/// One of each kind, without options.
inline std::vector<Method> plain_methods() {
  return {{.normalization = Normalization::kBatch},
          {.normalization = Normalization::kInstance},
          {.normalization = Normalization::kGroup, .groups = 2},
          {.normalization = Normalization::kLayer, .axes = {.trailing = 1}},
          {.normalization = Normalization::kLayer, .axes = {.trailing = 2}},
          {.normalization = Normalization::kLayer, .axes = {.over = NormalizedOver::kChannels}},
          {.normalization = Normalization::kRms, .axes = {.trailing = 1}},
          {.normalization = Normalization::kRms, .axes = {.trailing = 2}},
          {.normalization = Normalization::kRms, .axes = {.over = NormalizedOver::kChannels}}};
}

/// Batch normalization in all the ways to obtain its statistics.
inline std::vector<Method> batch_methods() {
  return {{.statistics = Statistics::kBatch},
          {.statistics = Statistics::kRunning},
          {.statistics = Statistics::kRunning, .collect_moments = true},
          {.statistics = Statistics::kBlend},
          {.ghost_batch_size = 2},
          {.renorm = true},
          {.statistics = Statistics::kBlend, .ghost_batch_size = 2},
          {.ghost_batch_size = 2, .renorm = true}};
}

inline std::vector<Method> all_methods() {
  std::vector<Method> methods = batch_methods();
  for (const Method& method : plain_methods()) {
    if (method.normalization != Normalization::kBatch) methods.push_back(method);
  }
  methods.push_back({.normalization = Normalization::kGroup, .groups = 1});
  return methods;
}

}  // namespace equipoise::testing
