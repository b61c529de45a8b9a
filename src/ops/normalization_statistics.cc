#include "ops/normalization_statistics.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/round_up.h"
#include "equipoise/error.h"

namespace equipoise {
namespace {

/// Moments of a group's elements, and how many of them count.
struct GroupSample {
  Moments moments;
  std::int64_t values = 0;
  std::int64_t samples = 0;
};

double weight_at(const Array* position_weights, std::int64_t position) {
  return position_weights == nullptr ? 1 : (*position_weights)[position];
}

/// Two passes: means Σ w·x/W first, then Σ w·(x − mean)². Elements of weight 0 may hold NaN.
std::vector<GroupSample> sample_groups(NormKind kind, const NormPartition& partition,
                                       const Array& x, const Array* position_weights) {
  std::vector<GroupSample> groups(static_cast<std::size_t>(partition.groups()));
  std::vector<std::set<std::int64_t>> samples(groups.size());
  const auto for_each = [&](auto&& visit) {
    for (std::int64_t i = 0; i < x.size(); ++i) {
      const NormElement at = partition.element(i);
      const double weight = weight_at(position_weights, at.position);
      if (weight != 0) visit(at, weight, x[i]);
    }
  };
  for_each([&](const NormElement& at, double weight, double value) {
    GroupSample& group = groups[static_cast<std::size_t>(at.group)];
    group.moments.count += weight;
    group.moments.mean += weight * value;
    ++group.values;
    samples[static_cast<std::size_t>(at.group)].insert(at.sample);
  });
  for (std::size_t g = 0; g < groups.size(); ++g) {
    Moments& moments = groups[g].moments;
    groups[g].samples = static_cast<std::int64_t>(samples[g].size());
    const bool has_mean = kind != NormKind::kRms && moments.count > 0;
    moments.mean = has_mean ? moments.mean / moments.count : 0;
  }
  for_each([&](const NormElement& at, double weight, double value) {
    Moments& moments = groups[static_cast<std::size_t>(at.group)].moments;
    moments.m2 += weight * (value - moments.mean) * (value - moments.mean);
  });
  return groups;
}

NormGroup own_statistics(const GroupSample& sample, double epsilon) {
  return {.batch = sample.moments,
          .mean = sample.moments.mean,
          .rstd = 1 / std::sqrt(sample.moments.variance() + epsilon)};
}

NormGroup batch_statistics(const NormAttributes& norm, const GroupSample& sample,
                           double running_mean, double running_var) {
  NormGroup group = own_statistics(sample, norm.epsilon);
  switch (norm.statistics) {
    case Statistics::kBatch:
      break;
    case Statistics::kRunning:
      group.mean = running_mean;
      group.rstd = 1 / std::sqrt(running_var + norm.epsilon);
      group.batch_share = 0;
      break;
    case Statistics::kBlend: {
      // Schneider et al. 2020, eq. 2.
      const auto n = static_cast<double>(sample.samples);
      const double share = n / (norm.pseudo_count + n);
      const double variance = (1 - share) * running_var + share * sample.moments.variance();
      group.mean = (1 - share) * running_mean + share * sample.moments.mean;
      group.rstd = 1 / std::sqrt(variance + norm.epsilon);
      group.batch_share = share;
      break;
    }
  }
  if (norm.renorm) {
    // Ioffe 2017, algorithm 1; ε inside both σ.
    const double running_sigma = std::sqrt(running_var + norm.epsilon);
    group.r =
        std::clamp(1 / (group.rstd * running_sigma), 1 / norm.renorm->r_max, norm.renorm->r_max);
    group.d = std::clamp((group.mean - running_mean) / running_sigma, -norm.renorm->d_max,
                         norm.renorm->d_max);
  }
  return group;
}

}  // namespace

NormPartition::NormPartition(const NormAttributes& norm, const Shape& shape)
    : kind_(norm.kind),
      axes_(norm.axes),
      channels_(shape.channels()),
      positions_(shape.positions()),
      parameters_(channels_) {
  const std::int64_t samples = shape.samples();
  switch (kind_) {
    case NormKind::kBatch: {
      samples_per_group_ = std::max<std::int64_t>(samples, 1);
      if (norm.ghost_batch_size > 0)
        samples_per_group_ = std::min(samples_per_group_, norm.ghost_batch_size);
      // An empty batch is a batch too: one of which there are no statistics.
      const std::int64_t batches = std::max<std::int64_t>(ceil_div(samples, samples_per_group_), 1);
      groups_ = batches * channels_;
      break;
    }
    case NormKind::kInstance:
      groups_ = samples * channels_;
      break;
    case NormKind::kGroup:
      channels_per_group_ = channels_ / norm.groups;
      groups_ = samples * norm.groups;
      break;
    case NormKind::kLayer:
    case NormKind::kRms:
      if (axes_.over == NormalizedOver::kChannels) {
        groups_ = samples * positions_;
        break;
      }
      parameters_ = 1;
      groups_ = 1;
      for (int i = 0; i < shape.rank(); ++i) {
        (i < shape.rank() - axes_.trailing ? groups_ : parameters_) *= shape[i];
      }
      break;
  }
}

NormElement NormPartition::element(std::int64_t i) const {
  const std::int64_t n = i / (channels_ * positions_);
  const std::int64_t c = i / positions_ % channels_;
  const std::int64_t position = n * positions_ + i % positions_;
  NormElement element{.group = position, .parameter = c, .sample = n, .position = position};
  if (kind_ != NormKind::kLayer && kind_ != NormKind::kRms) {
    element.group =
        n / samples_per_group_ * (channels_ / channels_per_group_) + c / channels_per_group_;
  } else if (axes_.over != NormalizedOver::kChannels) {
    element.group = i / parameters_;
    element.parameter = i % parameters_;
  }
  return element;
}

std::vector<NormGroup> normalization_statistics(const NormAttributes& norm,
                                                const NormPartition& partition, const Array& x,
                                                const Array* position_weights,
                                                const Array* running_mean,
                                                const Array* running_var) {
  const std::vector<GroupSample> samples = sample_groups(norm.kind, partition, x, position_weights);
  std::vector<NormGroup> groups;
  groups.reserve(samples.size());
  for (const GroupSample& sample : samples) {
    if (norm.kind != NormKind::kBatch) {
      groups.push_back(own_statistics(sample, norm.epsilon));
      continue;
    }
    const auto g = static_cast<std::int64_t>(groups.size());
    const std::int64_t channel = g % partition.parameters();
    if (norm.statistics == Statistics::kBatch && sample.values <= 1) {
      throw Error(fmt::format(
          "batch norm of x {}: channel {} of {} {} has {} values that count; statistics of the "
          "batch need more than one: use a larger batch or running statistics",
          to_string(x.shape), channel, norm.ghost_batch_size > 0 ? "ghost batch" : "batch",
          g / partition.parameters(), sample.values));
    }
    const bool reads = norm.reads_running();
    groups.push_back(batch_statistics(norm, sample, reads ? (*running_mean)[channel] : 0,
                                      reads ? (*running_var)[channel] : 1));
  }
  return groups;
}

}  // namespace equipoise
