#include "norm/synchronize.h"

#include <algorithm>

#include <fmt/format.h>

#include "equipoise/error.h"

namespace equipoise::norm {

BatchCount count_batch(std::span<const float> weights, const Shape& shape, std::int64_t n0,
                       std::int64_t n1) {
  const std::int64_t positions = shape.positions();
  if (weights.empty())
    return {.values = (n1 - n0) * positions, .samples = positions > 0 ? n1 - n0 : 0};
  BatchCount count;
  for (std::int64_t n = n0; n < n1; ++n) {
    const auto sample = weights.subspan(static_cast<std::size_t>(n * positions),
                                        static_cast<std::size_t>(positions));
    const std::int64_t values = std::ranges::count_if(sample, [](float w) { return w > 0; });
    count.values += values;
    if (values > 0) ++count.samples;
  }
  return count;
}

double batch_share(const BatchNormOptions& options, std::int64_t samples) {
  switch (options.statistics) {
    case Statistics::kBatch:
      return 1;
    case Statistics::kRunning:
      return 0;
    case Statistics::kBlend:
      return static_cast<double>(samples) / (options.pseudo_count + static_cast<double>(samples));
  }
  return 1;
}

void check_batch(const BatchNormOptions& options, BatchCount count) {
  if (options.statistics != Statistics::kBatch || count.values > 1) return;
  throw Error(
      fmt::format("batch norm: {} value{} per channel in {} batch, so there is no variance to "
                  "normalize with; use larger batches, "
                  "running statistics (inference, frozen layers), or group or layer normalization",
                  count.values, count.values == 1 ? "" : "s",
                  options.ghost_batch_size > 0 ? "a ghost" : "the"));
}

void merge_over_ranks(const BatchNormOptions& options, BatchCount count, NormRecord::State& state,
                      Workspace::Arena& arena) {
  Communicator& communicator = *options.communicator;
  const auto ranks = static_cast<std::size_t>(communicator.size());
  const std::size_t channels = state.moments.size();
  const std::size_t values = 3 * channels + 2;
  const std::span<double> local = arena.take<double>(static_cast<std::int64_t>(values));
  const std::span<double> all = arena.take<double>(static_cast<std::int64_t>(values * ranks));
  for (std::size_t c = 0; c < channels; ++c) {
    const Moments& m = state.moments[c];
    local[3 * c] = m.count;
    local[3 * c + 1] = m.mean;
    local[3 * c + 2] = m.m2;
  }
  local[3 * channels] = static_cast<double>(count.values);
  local[3 * channels + 1] = static_cast<double>(count.samples);
  communicator.all_gather(local, all);

  std::ranges::fill(state.moments, Moments{});
  BatchCount total;
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    const std::span<const double> theirs = all.subspan(rank * values, values);
    for (std::size_t c = 0; c < channels; ++c) {
      state.moments[c] =
          merge(state.moments[c], {theirs[3 * c], theirs[3 * c + 1], theirs[3 * c + 2]});
    }
    total.values += static_cast<std::int64_t>(theirs[3 * channels]);
    total.samples += static_cast<std::int64_t>(theirs[3 * channels + 1]);
  }
  check_batch(options, total);
  state.batch_share[0] = batch_share(options, total.samples);
}

void sum_over_ranks(Communicator& communicator, std::span<double> values, Workspace::Arena& arena) {
  const auto ranks = static_cast<std::size_t>(communicator.size());
  const std::span<double> all =
      arena.take<double>(static_cast<std::int64_t>(values.size() * ranks));
  communicator.all_gather(values, all);
  std::ranges::fill(values, 0.0);
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    for (std::size_t i = 0; i < values.size(); ++i) values[i] += all[rank * values.size() + i];
  }
}

}  // namespace equipoise::norm
