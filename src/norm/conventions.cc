#include "equipoise/conventions.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "norm/layers/checks.h"

namespace equipoise {
namespace {

// Weights of new values that differ by less are the same: 1 − (1 − 0.1) is 0.1 − 2.8e-17.
constexpr double kSameWeight = 1e-15;

// From this num_updates on, dlib's num_updates/(num_updates + 1.0) is 1: new values weigh nothing.
constexpr std::int64_t kLearnsNoMore = std::int64_t{1} << 53;

UpdateRule import_rule(const ForeignBatchNorm& foreign, const Convention& row) {
  UpdateRule rule{.variance = row.variance};
  if (row.momentum_sense == MomentumSense::kNone) {
    rule.averaging = Averaging::kWindowed;
    rule.window = foreign.window;
    return rule;
  }
  if (!foreign.momentum && row.framework == Framework::kPyTorch) {
    rule.averaging = Averaging::kCumulative;
    return rule;
  }
  if (!foreign.momentum || !(*foreign.momentum >= 0 && *foreign.momentum <= 1)) {
    throw Error(fmt::format(
        "{}: {} needs a momentum in [0, 1], but it is {}; where the model does not say, it is {}",
        foreign.name, row.name, foreign.momentum ? fmt::format("{}", *foreign.momentum) : "missing",
        row.default_momentum));
  }
  rule.momentum =
      row.momentum_sense == MomentumSense::kWeightOfOld ? 1 - *foreign.momentum : *foreign.momentum;
  return rule;
}

double import_epsilon(const ForeignBatchNorm& foreign, const Convention& row) {
  if (!foreign.epsilon) {
    throw Error(fmt::format("{}: epsilon is missing; where the model does not say, {}'s is {}",
                            foreign.name, row.name, row.default_epsilon));
  }
  return *foreign.epsilon;
}

const ForeignArray* find(const ForeignBatchNorm& foreign, std::string_view name) {
  const auto found = std::ranges::find(foreign.arrays, name, &ForeignArray::name);
  return found == foreign.arrays.end() ? nullptr : &*found;
}

const ForeignArray& require(const ForeignBatchNorm& foreign, const Convention& row,
                            std::string_view name) {
  const ForeignArray* array = find(foreign, name);
  if (array == nullptr) {
    throw Error(
        fmt::format("{}: '{}' is missing; give all arrays that {} stores of a batch normalization "
                    "with running averages",
                    foreign.name, name, row.name));
  }
  return *array;
}

double as_stored(double value, const Convention& row) {
  return row.attributes_are_f32 ? static_cast<double>(static_cast<float>(value)) : value;
}

void export_epsilon(double epsilon, const Convention& row, ForeignBatchNorm& foreign) {
  const double stored = as_stored(epsilon, row);
  foreign.epsilon = stored;
  if (stored == epsilon) return;
  if (stored == 0 || std::isinf(stored)) {
    throw Error(
        fmt::format("{}: {} stores epsilon as f32, which makes {} of {}; give the layer one that "
                    "f32 can hold, such as 1e-5",
                    foreign.name, row.name, stored, epsilon));
  }
  foreign.differences.push_back(
      fmt::format("{} stores epsilon {} as f32, which makes it {:.9g}: outputs may differ in their "
                  "last bits, most likely where the variance is near 0",
                  row.name, epsilon, stored));
}

void export_momentum(const UpdateRule& rule, std::int64_t tracked, const Convention& row,
                     ForeignBatchNorm& foreign) {
  if (!row.num_batches_tracked.empty()) foreign.num_batches_tracked = tracked;
  if (rule.averaging == Averaging::kCumulative && row.framework == Framework::kPyTorch) return;

  const double weight = new_value_weight(rule, tracked);
  const double momentum = row.momentum_sense == MomentumSense::kWeightOfOld ? 1 - weight : weight;
  foreign.momentum = as_stored(momentum, row);
  if (std::abs(*foreign.momentum - momentum) > kSameWeight) {
    foreign.differences.push_back(
        fmt::format("{} stores momentum {} as f32, which makes it {:.9g}: running averages may "
                    "differ in their last bits",
                    row.name, momentum, *foreign.momentum));
  }
  const bool constant = rule.averaging == Averaging::kMomentum ||
                        (rule.averaging == Averaging::kWindowed && tracked >= rule.window);
  if (!constant) {
    foreign.differences.push_back(
        fmt::format("{} weighs every new value by {}; the layer does so in the next update, and by "
                    "less in those that follow",
                    row.name, weight));
  }
}

// The new value weighs 1/(num_updates + 1), and num_updates grows up to the window.
void export_window(const UpdateRule& rule, std::int64_t tracked, const Convention& row,
                   ForeignBatchNorm& foreign) {
  if (rule.averaging != Averaging::kMomentum) {
    foreign.window = rule.averaging == Averaging::kWindowed ? std::min(rule.window, kLearnsNoMore)
                                                            : kLearnsNoMore;
    foreign.num_batches_tracked = std::min(tracked, foreign.window);
    return;
  }
  foreign.num_batches_tracked = static_cast<std::int64_t>(
      std::min(std::round(1 / rule.momentum - 1), static_cast<double>(kLearnsNoMore)));
  foreign.window = std::max<std::int64_t>(foreign.num_batches_tracked, 1);

  const UpdateRule exported{.averaging = Averaging::kWindowed, .window = foreign.window};
  const double first = new_value_weight(exported, foreign.num_batches_tracked);
  const double later = new_value_weight(exported, foreign.window);
  if (std::abs(first - rule.momentum) > kSameWeight ||
      std::abs(later - rule.momentum) > kSameWeight) {
    foreign.differences.push_back(fmt::format(
        "{} weighs new values by 1/(k + 1) with whole k up to a window of at least 1: by "
        "{} and then {}; the layer by {}",
        row.name, first, later, rule.momentum));
  }
}

std::string_view name_of(VarianceEstimate estimate) {
  return estimate == VarianceEstimate::kUnbiased ? "unbiased" : "biased";
}

void export_array(std::string_view name, std::span<const float> values, std::size_t channels,
                  float neutral, const Convention& row, ForeignBatchNorm& foreign) {
  if (!values.empty()) {
    foreign.arrays.push_back({std::string(name), {values.begin(), values.end()}});
  } else if (!row.affine_is_optional) {
    foreign.arrays.push_back({std::string(name), std::vector<float>(channels, neutral)});
  }
}

}  // namespace

const Convention& convention(Framework framework) {
  const auto row = std::ranges::find(kConventions, framework, &Convention::framework);
  if (row == kConventions.end()) {
    throw Error(fmt::format("framework {} is not in the table of conventions",
                            static_cast<int>(framework)));
  }
  return *row;
}

BatchNorm import_batch_norm(const ForeignBatchNorm& foreign) {
  const Convention& row = convention(foreign.framework);
  const ForeignArray& mean = require(foreign, row, row.running_mean);
  const ForeignArray& var = require(foreign, row, row.running_var);
  const ForeignArray* weight =
      row.affine_is_optional ? find(foreign, row.weight) : &require(foreign, row, row.weight);
  const ForeignArray* bias =
      row.affine_is_optional ? find(foreign, row.bias) : &require(foreign, row, row.bias);
  for (const ForeignArray& array : foreign.arrays) {
    const auto known = {row.weight, row.bias, row.running_mean, row.running_var};
    if (std::ranges::find(known, array.name) == known.end()) {
      throw Error(fmt::format("{}: {} has no array '{}'; its names are {}, {}, {}, {}",
                              foreign.name, row.name, array.name, row.weight, row.bias,
                              row.running_mean, row.running_var));
    }
    if (find(foreign, array.name) != &array) {
      throw Error(fmt::format("{}: '{}' is given more than once", foreign.name, array.name));
    }
    if (array.values.size() != mean.values.size()) {
      throw Error(fmt::format("{}: '{}' has {} values, '{}' has {}; all have one per channel",
                              foreign.name, array.name, array.values.size(), mean.name,
                              mean.values.size()));
    }
  }

  if (!row.num_batches_tracked.empty()) {
    norm::require_batch_count(foreign.name, row.num_batches_tracked, foreign.num_batches_tracked);
  }
  const UpdateRule rule = import_rule(foreign, row);
  BatchNorm layer({.channels = static_cast<std::int64_t>(mean.values.size()),
                   .epsilon = import_epsilon(foreign, row),
                   .momentum = rule.momentum,
                   .averaging = rule.averaging,
                   .window = rule.window,
                   .variance = rule.variance,
                   .weight = weight != nullptr ? Parameter::kPresent : Parameter::kAbsent,
                   .bias = bias != nullptr ? Parameter::kPresent : Parameter::kAbsent,
                   .name = foreign.name});
  if (weight != nullptr) std::ranges::copy(weight->values, layer.weight().begin());
  if (bias != nullptr) std::ranges::copy(bias->values, layer.bias().begin());
  RunningStatistics& running = layer.running_statistics();
  std::ranges::copy(mean.values, running.mutable_mean().begin());
  std::ranges::copy(var.values, running.mutable_var().begin());
  if (!row.num_batches_tracked.empty()) {
    running.mutable_num_batches_tracked().front() = foreign.num_batches_tracked;
  }
  return layer;
}

ForeignBatchNorm export_batch_norm(const BatchNorm& layer, Framework framework) {
  const Convention& row = convention(framework);
  const RunningStatistics& running = layer.running_statistics();
  // 1/(t + 1) of a negative t would be a momentum that no framework takes.
  norm::require_batch_count(layer.name(), "num_batches_tracked", running.num_batches_tracked());
  const std::size_t channels = running.mean().size();
  ForeignBatchNorm foreign{.framework = framework, .name = layer.name()};
  export_epsilon(layer.epsilon(), row, foreign);
  export_array(row.weight, layer.weight(), channels, 1, row, foreign);
  export_array(row.bias, layer.bias(), channels, 0, row, foreign);
  export_array(row.running_mean, running.mean(), channels, 0, row, foreign);
  export_array(row.running_var, running.var(), channels, 1, row, foreign);

  const UpdateRule& rule = running.rule();
  if (row.momentum_sense == MomentumSense::kNone) {
    export_window(rule, running.num_batches_tracked(), row, foreign);
  } else {
    export_momentum(rule, running.num_batches_tracked(), row, foreign);
  }
  if (rule.variance != row.variance) {
    foreign.differences.push_back(
        fmt::format("{} averages the {} variance of a batch of n values, the layer the {} one: new "
                    "values differ by the factor n/(n - 1)",
                    row.name, name_of(row.variance), name_of(rule.variance)));
  }
  return foreign;
}

}  // namespace equipoise
