#include "svg_chart.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include <fmt/format.h>

namespace equipoise::program {
namespace {

constexpr double kWidth = 720;
constexpr double kHeight = 300;
constexpr double kLeftMargin = 60;
constexpr double kRightMargin = 16;
constexpr double kTopMargin = 12;
constexpr double kBottomMargin = 44;

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void include(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool is_empty() const { return low > high; }
};

/// Multiples of 1, 2 or 5 times a power of ten: about `count` within a range.
std::vector<double> ticks(const Range& range, int count) {
  const double rough = (range.high - range.low) / count;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {1, 2, 5}) {
    if (factor * power >= rough) {
      step = factor * power;
      break;
    }
  }
  std::vector<double> values;
  const auto first = static_cast<std::int64_t>(std::ceil(range.low / step - 1e-9));
  const auto last = static_cast<std::int64_t>(std::floor(range.high / step + 1e-9));
  for (std::int64_t i = first; i <= last; ++i) values.push_back(static_cast<double>(i) * step);
  return values;
}

/// 1, 2 and 5 times the powers of ten within a range; of many powers some of these alone.
std::vector<double> logarithmic_ticks(const Range& range) {
  constexpr int kMost = 8;
  const int first = static_cast<int>(std::floor(std::log10(range.low)));
  const int last = static_cast<int>(std::floor(std::log10(range.high)));
  const int step = 1 + (last - first) / kMost;
  std::vector<double> values;
  for (int power = first; power <= last; power += step) {
    for (const double factor : {1, 2, 5}) {
      const double value = factor * std::pow(10, power);
      const bool is_shown = factor == 1 || last - first <= 2;
      if (value >= range.low && value <= range.high && is_shown) values.push_back(value);
    }
  }
  return values;
}

class Drawing {
 public:
  explicit Drawing(const Chart& chart) : chart_(chart) {
    for (const ChartSeries& series : chart.series) {
      for (const ChartPoint& point : series.points) {
        x_.include(point.x);
        y_.include(point.y);
      }
    }
    if (x_.is_empty() || y_.is_empty()) x_ = y_ = {.low = 0, .high = 1};
    if (x_.low == x_.high) x_ = {.low = x_.low - 1, .high = x_.high + 1};
    logarithmic_ = chart.may_be_logarithmic && y_.low > 0 && y_.high / y_.low > 20;
    if (logarithmic_) y_.high = std::min(y_.high, kMostOverMedian * median_of_y());
    if (logarithmic_) {
      y_ = {.low = y_.low / 1.2, .high = y_.high * 1.2};
    } else {
      const double margin =
          y_.low == y_.high ? std::max(std::abs(y_.low), 1.0) / 10 : (y_.high - y_.low) / 20;
      y_ = {.low = y_.low - margin, .high = y_.high + margin};
    }
  }

  std::string text() {
    svg_ = fmt::format(R"(<svg viewBox="0 0 {} {}" role="img" aria-label="{}">)", kWidth, kHeight,
                       html_text(chart_.description));
    axes();
    for (const ChartSeries& series : chart_.series) line(series);
    return svg_ + "</svg>\n";
  }

 private:
  /// What runs away leaves through the upper edge, so that the others stay readable.
  static constexpr double kMostOverMedian = 1000;

  double median_of_y() const {
    std::vector<double> values;
    for (const ChartSeries& series : chart_.series) {
      for (const ChartPoint& point : series.points) {
        if (std::isfinite(point.y)) values.push_back(point.y);
      }
    }
    const auto middle = values.begin() + std::ssize(values) / 2;
    std::ranges::nth_element(values, middle);
    return *middle;
  }

  double x_of(double x) const {
    return kLeftMargin + (x - x_.low) / (x_.high - x_.low) * (kWidth - kLeftMargin - kRightMargin);
  }
  double y_of(double y) const {
    y = std::min(y, y_.high);
    const double part = logarithmic_ ? std::log(y / y_.low) / std::log(y_.high / y_.low)
                                     : (y - y_.low) / (y_.high - y_.low);
    return kHeight - kBottomMargin - part * (kHeight - kTopMargin - kBottomMargin);
  }

  void axes() {
    constexpr int kXTicks = 8;
    constexpr int kYTicks = 5;
    for (const double y : logarithmic_ ? logarithmic_ticks(y_) : ticks(y_, kYTicks)) {
      const double at = y_of(y);
      svg_ += fmt::format(R"(<path class="grid" d="M{:.1f} {:.1f}H{:.1f}"/>)", kLeftMargin, at,
                          kWidth - kRightMargin);
      svg_ += fmt::format(
          R"(<text class="tick end" x="{:.1f}" y="{:.1f}">{}</text>)", kLeftMargin - 8, at + 4,
          chart_.percent ? fmt::format("{:.4g} %", 100 * y) : fmt::format("{:.4g}", y));
    }
    for (const double x : ticks(x_, kXTicks)) {
      svg_ += fmt::format(R"(<text class="tick middle" x="{:.1f}" y="{:.1f}">{:.6g}</text>)",
                          x_of(x), kHeight - kBottomMargin + 18, x);
    }
    svg_ += fmt::format(R"(<text class="label middle" x="{:.1f}" y="{:.1f}">{}</text>)",
                        (kLeftMargin + kWidth - kRightMargin) / 2, kHeight - 6,
                        html_text(chart_.x_label));
  }

  void line(const ChartSeries& series) {
    std::string path;
    std::string dots;
    bool is_gap = true;
    for (const ChartPoint& point : series.points) {
      if (!std::isfinite(point.y)) {
        is_gap = true;
        continue;
      }
      const double x = x_of(point.x);
      const double y = y_of(point.y);
      path += fmt::format("{}{:.1f} {:.1f}", is_gap ? 'M' : 'L', x, y);
      dots += fmt::format(
          R"(<circle class="dot s{}" cx="{:.1f}" cy="{:.1f}" r="3"><title>{}</title></circle>)",
          series.number, x, y, html_text(point.text));
      is_gap = false;
    }
    if (path.find('L') == std::string::npos) dots = fmt::format(R"(<g class="alone">{}</g>)", dots);
    svg_ += fmt::format(R"(<path class="line s{}" d="{}"/>{})", series.number, path, dots);
  }

  const Chart& chart_;
  Range x_;
  Range y_;
  bool logarithmic_ = false;
  std::string svg_;
};

}  // namespace

std::string to_svg(const Chart& chart) { return Drawing(chart).text(); }

std::string html_text(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

}  // namespace equipoise::program
