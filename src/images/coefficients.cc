#include "images/coefficients.h"

#include <algorithm>
#include <cmath>

namespace equipoise::images {
namespace {

double box(double x) { return x > -0.5 && x <= 0.5 ? 1 : 0; }

double triangle(double x) { return std::max(0.0, 1 - std::abs(x)); }

double cubic(double x) {
  constexpr double kA = -0.5;
  x = std::abs(x);
  if (x < 1) return ((kA + 2) * x - (kA + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * kA;
  return 0;
}

struct Kernel {
  double (*value)(double) = nullptr;
  /// It is 0 from here on.
  double support = 0;
};

Kernel kernel(Interpolation interpolation) {
  switch (interpolation) {
    case Interpolation::kBox:
      return {box, 0.5};
    case Interpolation::kBilinear:
      return {triangle, 1};
    case Interpolation::kBicubic:
      break;
  }
  return {cubic, 2};
}

}  // namespace

Coefficients make_coefficients(const Axis& axis, Interpolation interpolation) {
  const auto [value, support_of_kernel] = kernel(interpolation);
  const double scale = static_cast<double>(axis.to - axis.from) / axis.size;
  const double widening = std::max(scale, 1.0);
  const double support = support_of_kernel * widening;

  Coefficients result;
  result.stride = static_cast<std::int32_t>(
      std::min(std::ceil(support) * 2 + 1, static_cast<double>(axis.source_size)));
  const auto count = static_cast<std::size_t>(axis.end - axis.begin);
  result.first.reserve(count);
  result.count.reserve(count);
  result.values.resize(count * static_cast<std::size_t>(result.stride));

  std::vector<double> weights(static_cast<std::size_t>(result.stride));
  std::int32_t* values = result.values.data();
  for (std::int32_t i = axis.begin; i < axis.end; ++i, values += result.stride) {
    const double center = axis.from + (i + 0.5) * scale;
    const auto first = static_cast<std::int32_t>(std::max(std::floor(center - support + 0.5), 0.0));
    const auto last = static_cast<std::int32_t>(
        std::min(std::floor(center + support + 0.5), static_cast<double>(axis.source_size)));
    double sum = 0;
    for (std::int32_t x = first; x < last; ++x) {
      const double weight = value((x - center + 0.5) * (1.0 / widening));
      weights[static_cast<std::size_t>(x - first)] = weight;
      sum += weight;
    }
    for (std::int32_t t = 0; t < last - first; ++t) {
      const double weight = weights[static_cast<std::size_t>(t)] / (sum != 0 ? sum : 1);
      values[t] = static_cast<std::int32_t>(std::copysign(0.5, weight) +
                                            weight * (std::int32_t{1} << kPrecisionBits));
    }
    result.first.push_back(first);
    result.count.push_back(last - first);
  }
  return result;
}

}  // namespace equipoise::images
