#pragma once

/// The normalizations of a graph and what each is set to.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "equipoise/export.h"
#include "equipoise/graph.h"
#include "equipoise/norm.h"
#include "equipoise/running_statistics.h"

namespace equipoise {

enum class NormKind : std::uint8_t { kBatch, kInstance, kGroup, kLayer, kRms };

/// "batch_norm"
[[nodiscard]] EQUIPOISE_API std::string_view to_string(NormKind kind);

/// One normalization of x. Tensors are by name, which is empty where one is left out.
struct NormSummary {
  std::string name = {};
  NormKind kind = NormKind::kBatch;
  /// Elements of γ and β: C, or the product of the dimensions that a layer-like one is over.
  std::int64_t channels = 0;
  /// Of kGroup: how many the channels of a sample are divided into.
  std::int64_t groups = 1;
  /// The values that share a mean and a variance: (N, 56, 56) of batch normalization (with the size
  /// of a ghost batch in place of N), (2, 56, 56) of group normalization, (768) of layer
  /// normalization.
  GraphShape over = {};
  double epsilon = 0;
  Activation activation = Activation::kNone;
  /// Whether the positions of x have weights in the statistics, such as a mask of padding.
  bool weighted = false;

  std::string weight = {};
  std::string bias = {};
  /// Whether it has weight or bias, and neither is trained (Graph::set_frozen).
  bool frozen = false;
  std::string running_mean = {};
  std::string running_var = {};

  /// Which statistics normalize; unset: those of x itself, in either mode.
  std::optional<Statistics> training_statistics = {};
  std::optional<Statistics> inference_statistics = {};
  /// Whether training updates the running averages, and how.
  bool update_running = false;
  UpdateRule rule = {};
  /// Of Statistics::kBlend.
  double pseudo_count = 0;
  /// 0: the whole batch.
  std::int64_t ghost_batch_size = 0;
  std::optional<Renorm> renorm = {};
  bool synchronized = false;
};

/// In the order of the graph; empty if there are none.
[[nodiscard]] EQUIPOISE_API std::vector<NormSummary> summarize_norms(const Graph& graph);

}  // namespace equipoise
