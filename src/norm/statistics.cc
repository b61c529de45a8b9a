#include "norm/statistics.h"

#include <algorithm>

#include "norm/workspace.h"

namespace equipoise::norm {

LaneValues::LaneValues(const Walk& walk, std::int64_t blocks, Workspace::Arena& arena)
    : data_(arena.take<float>(blocks * walk.padded_width() + 16).data()),
      width_(walk.padded_width()) {
  std::fill_n(data_, blocks * width_ + 16, 0.0F);
}

void LaneValues::set(const Walk& walk, std::int64_t c, const float* values,
                     std::int64_t count) const {
  if (walk.form == Form::kRuns) {
    std::copy_n(values, count, data_ + c);
    return;
  }
  while (count > 0) {
    const std::int64_t in_block = c % walk.block_channels;
    const std::int64_t here = std::min(count, walk.block_channels - in_block);
    float* lanes = block(c / walk.block_channels);
    if (walk.lanes_per_channel > 1) {
      for (std::int64_t i = 0; i < here; ++i) {
        std::fill_n(lanes + (in_block + i) * walk.lanes_per_channel, walk.lanes_per_channel,
                    values[i]);
      }
    } else {
      for (std::int64_t r = 0; r < walk.repeat; ++r)
        std::copy_n(values, here, lanes + r * walk.block_lanes + in_block);
    }
    c += here;
    values += here;
    count -= here;
  }
}

ChannelStatistics::ChannelStatistics(const NormRecord::State& state, std::int64_t group,
                                     std::int64_t in_group, std::int64_t channels)
    : count(channels), renorm(!state.r.empty()) {
  const std::int64_t per_group = state.partition.channels;
  const auto gather = [&](const std::vector<double>& from, double* to) {
    const double* first = from.data() + group;
    if (per_group == 1) {
      std::copy_n(first, channels, to);
    } else {
      for (std::int64_t i = 0; i < channels; ++i) to[i] = first[(in_group + i) / per_group];
    }
  };
  gather(state.mean, mean);
  gather(state.rstd, rstd);
  if (renorm) {
    gather(state.r, r);
    gather(state.d, d);
  }
}

bool LaneCoefficients::form(const Walk& walk, std::int64_t c, const ChannelStatistics& statistics,
                            const float* gamma, const float* beta) const {
  float as[kChannelChunk];
  float ms[kChannelChunk];
  float bs[kChannelChunk];
  float scales[kChannelChunk];
  bool any_extreme = false;
  const auto form_one = [&](std::int64_t i, double g, double shift) {
    const double mean = statistics.mean[i];
    const double factor = g * statistics.rstd[i];
    const auto rounded = static_cast<float>(mean);
    const bool extreme = is_extreme(mean, statistics.rstd[i]);
    any_extreme |= extreme;
    scales[i] = extreme ? kExtremeScale : 1.0F;
    ms[i] = rounded * scales[i];
    as[i] = static_cast<float>(extreme ? factor / static_cast<double>(kExtremeScale) : factor);
    bs[i] = static_cast<float>(shift + factor * (static_cast<double>(rounded) - mean));
  };
  if (statistics.renorm) {
    for (std::int64_t i = 0; i < statistics.count; ++i) {
      const auto g = static_cast<double>(gamma[i]);
      form_one(i, g * statistics.r[i], static_cast<double>(beta[i]) + g * statistics.d[i]);
    }
  } else {
    for (std::int64_t i = 0; i < statistics.count; ++i)
      form_one(i, static_cast<double>(gamma[i]), static_cast<double>(beta[i]));
  }
  m.set(walk, c, ms, statistics.count);
  a.set(walk, c, as, statistics.count);
  b.set(walk, c, bs, statistics.count);
  scale.set(walk, c, scales, statistics.count);
  return any_extreme;
}

std::span<const float> or_constant(std::span<const float> values, float otherwise,
                                   std::int64_t channels, Workspace::Arena& arena) {
  if (!values.empty()) return values;
  const std::span<float> constant = arena.take<float>(channels);
  std::ranges::fill(constant, otherwise);
  return constant;
}

void set_statistics(const BatchNormOptions& options, double batch_share, std::int64_t channel,
                    std::int64_t g, NormRecord::State& state) {
  const auto group = static_cast<std::size_t>(g);
  const auto c = static_cast<std::size_t>(channel);
  double mean = 0;
  double variance = 0;
  if (options.statistics != Statistics::kRunning) {
    mean = state.moments[group].mean;
    variance = state.moments[group].variance();
  }
  if (options.statistics != Statistics::kBatch) {
    // What has no share may be NaN.
    const auto blend = [&](double of_batch, float running) {
      if (batch_share == 0) return static_cast<double>(running);
      if (batch_share == 1) return of_batch;
      return batch_share * of_batch + (1 - batch_share) * static_cast<double>(running);
    };
    mean = blend(mean, options.running_mean[c]);
    variance = blend(variance, options.running_var[c]);
  }
  state.mean[group] = mean;
  state.rstd[group] = 1 / std::sqrt(variance + state.epsilon);
  if (options.renorm) {
    const double sigma = std::sqrt(static_cast<double>(options.running_var[c]) + state.epsilon);
    const double r = std::sqrt(variance + state.epsilon) / sigma;
    const double d = (mean - static_cast<double>(options.running_mean[c])) / sigma;
    state.r[group] = std::clamp(r, 1 / options.renorm->r_max, options.renorm->r_max);
    state.d[group] = std::clamp(d, -options.renorm->d_max, options.renorm->d_max);
  }
}

}  // namespace equipoise::norm
