#include "stress/stress_cases.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <random>

#include <fmt/format.h>

#include "stress/ours.h"

namespace equipoise::bench {
namespace {

// 12544 values per channel; 20 channels leave a part of the last block of every blocked layout
// empty.
template <class Value>
Problem make_problem(Value&& value) {
  Problem p{
      .samples = 16, .channels = 20, .positions = 784, .x = {}, .dy = {}, .weight = {}, .bias = {}};
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  const auto size = static_cast<std::size_t>(p.samples * p.channels * p.positions);
  for (std::size_t i = 0; i < size; ++i) p.x.push_back(value(normal(random)));
  for (std::size_t i = 0; i < size; ++i) p.dy.push_back(normal(random));
  for (std::int64_t c = 0; c < p.channels; ++c) p.weight.push_back(1 + 0.1F * normal(random));
  for (std::int64_t c = 0; c < p.channels; ++c) p.bias.push_back(0.1F * normal(random));
  return p;
}

// One value of channel 0 replaced.
Problem with_one(float value) {
  Problem p = make_problem([](float z) { return z; });
  p.x[p.offset(3, 0, 5)] = value;
  return p;
}

bool same_kind(double ours, double reference) {
  if (std::isnan(reference)) return std::isnan(ours);
  // Beyond the largest f32 the reference has a number that an f32 can only call infinite.
  const auto as_stored = static_cast<double>(static_cast<float>(reference));
  return std::isinf(as_stored) ? ours == as_stored : std::isfinite(ours);
}

// A NaN is larger than any number, so that it is out of bounds.
double larger(double a, double b) { return std::isnan(a) || a > b ? a : b; }

// The largest |ours − reference| over the elements of channel c.
double largest_error(const Problem& p, std::int64_t c, const std::vector<double>& ours,
                     const std::vector<double>& reference) {
  double largest = 0;
  for (std::int64_t n = 0; n < p.samples; ++n) {
    for (std::int64_t s = 0; s < p.positions; ++s) {
      const std::size_t i = p.offset(n, c, s);
      largest = larger(largest, std::abs(ours[i] - reference[i]));
    }
  }
  return largest;
}

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
};

Range range_of(const Problem& p, std::int64_t c, const std::vector<double>& values) {
  Range range;
  for (std::int64_t n = 0; n < p.samples; ++n) {
    for (std::int64_t s = 0; s < p.positions; ++s) {
      const double v = values[p.offset(n, c, s)];
      range.low = std::min(range.low, v);
      range.high = std::max(range.high, v);
    }
  }
  return range;
}

void compare(const Problem& p, const Solution& ours, const Solution& reference, StressRow* row) {
  for (std::size_t i = 0; i < p.x.size(); ++i) {
    row->finite_as_reference &=
        same_kind(ours.y[i], reference.y[i]) && same_kind(ours.dx[i], reference.dx[i]);
  }
  for (std::int64_t c = 0; c < p.channels; ++c) {
    const auto channel = static_cast<std::size_t>(c);
    const double truth = reference.variance[channel];
    if (!std::isfinite(truth)) continue;
    const double error = std::abs(ours.variance[channel] - truth);
    const double relative = error == 0 ? 0 : error / truth;  // infinite where the truth is 0
    row->variance_error = larger(row->variance_error, relative);
    const Range y = range_of(p, c, reference.y);
    const Range dx = range_of(p, c, reference.dx);
    row->y_error = larger(row->y_error,
                          largest_error(p, c, ours.y, reference.y) / std::max(y.high - y.low, 1.0));
    row->dx_error = larger(row->dx_error,
                           largest_error(p, c, ours.dx, reference.dx) / std::max(-dx.low, dx.high));
  }
}

}  // namespace

std::vector<StressCase> mean_cases() {
  std::vector<StressCase> cases;
  for (const float mean : {1e2F, 1e3F, 1e4F}) {
    cases.push_back({.name = fmt::format("mean {:.0e}", mean),
                     .problem = make_problem([mean](float z) { return mean + 0.1F * z; }),
                     .bounds = {}});
  }
  return cases;
}

std::vector<StressCase> extreme_cases() {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  std::vector<StressCase> cases;
  const auto add = [&cases](const char* name, Problem problem) {
    cases.push_back({.name = name, .problem = std::move(problem), .bounds = kExtremeBounds});
  };
  add("constant 1234.5678", make_problem([](float) { return 1234.5678F; }));
  add("constant 3e38", make_problem([](float) { return 3e38F; }));
  add("constant 1e-40", make_problem([](float) { return 1e-40F; }));
  add("up to ±3e38", make_problem([](float z) { return 3e38F * std::clamp(z, -1.0F, 1.0F); }));
  add("±1e20", make_problem([](float z) { return 1e20F * z; }));
  add("denormal, ±1e-40", make_problem([](float z) { return 1e-40F * z; }));
  add("one value 3e38", with_one(3e38F));
  add("one value NaN", with_one(kNan));
  add("one value +Inf", with_one(kInfinity));
  add("one value −Inf", with_one(-kInfinity));
  return cases;
}

StressRow measure(const StressCase& stress_case) {
  const Problem& p = stress_case.problem;
  const Solution reference = reference_batch_norm(p);
  StressRow row{.name = stress_case.name,
                .naive_variance = static_cast<double>(naive_variance(p, 0)),
                .true_variance = reference.variance.front()};
  constexpr std::array kLayouts = {Layout::kBlocked16, Layout::kBlocked8, Layout::kChannelsLast,
                                   Layout::kChannelsFirst};
  for (const Layout layout : kLayouts) {
    const Solution ours = our_batch_norm(p, layout);
    compare(p, ours, reference, &row);
    row.variance = ours.variance.front();
  }
  row.within_bounds = row.finite_as_reference &&
                      row.variance_error <= stress_case.bounds.variance &&
                      row.y_error <= stress_case.bounds.y && row.dx_error <= stress_case.bounds.dx;
  return row;
}

}  // namespace equipoise::bench
