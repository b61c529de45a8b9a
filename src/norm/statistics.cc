#include "norm/statistics.h"

#include <algorithm>

#include "norm/workspace.h"

namespace equipoise::norm {

LaneValues::LaneValues(const Walk& walk, std::int64_t blocks, Workspace::Arena& arena)
    : data_(arena.take<float>(blocks * walk.padded_width() + 16).data()),
      width_(walk.padded_width()) {
  std::fill_n(data_, blocks * width_ + 16, 0.0F);
}

void LaneValues::set(const Walk& walk, std::int64_t i, std::int64_t c, float value) const {
  float* lanes = block(i);
  if (walk.form == Form::kRuns) {
    *lanes = value;
  } else if (walk.lanes_per_channel > 1) {
    std::fill_n(lanes + c * walk.lanes_per_channel, walk.lanes_per_channel, value);
  } else {
    for (std::int64_t r = 0; r < walk.repeat; ++r) lanes[r * walk.block_lanes + c] = value;
  }
}

void LaneCoefficients::form(const Walk& walk, std::int64_t i, std::int64_t c,
                            const NormRecord::State& state, std::int64_t g, double gamma,
                            double beta, bool extreme) const {
  const auto group = static_cast<std::size_t>(g);
  const double mean = state.mean[group];
  const double rstd = state.rstd[group];
  const Center center(mean, rstd, extreme);
  if (!state.r.empty()) {
    beta += gamma * state.d[group];
    gamma *= state.r[group];
  }
  const auto scale = static_cast<double>(center.scale);
  m.set(walk, i, c, center.m);
  a.set(walk, i, c, static_cast<float>(gamma * rstd / scale));
  b.set(walk, i, c,
        static_cast<float>(beta + gamma * rstd * (static_cast<double>(center.m) / scale - mean)));
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
    // A share of 0 or 1 is exact, and what it excludes may be NaN.
    const auto running_mean = static_cast<double>(options.running_mean[c]);
    const auto running_variance = static_cast<double>(options.running_var[c]);
    mean = batch_share == 0 ? running_mean : batch_share * mean + (1 - batch_share) * running_mean;
    variance = batch_share == 0 ? running_variance
                                : batch_share * variance + (1 - batch_share) * running_variance;
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
