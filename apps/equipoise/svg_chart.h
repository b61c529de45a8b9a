#pragma once

#include <string>
#include <vector>

namespace equipoise::program {

struct ChartPoint {
  double x = 0;
  double y = 0;
  /// What is shown where the pointer is.
  std::string text;
};

struct ChartSeries {
  /// Lines of one number look the same: class "s0", "s1", … of the page's style sheet.
  int number = 0;
  /// By x. The line has a gap where y is not finite.
  std::vector<ChartPoint> points;
};

/// Lines over one pair of axes.
struct Chart {
  /// For those who do not see it.
  std::string description;
  std::string x_label;
  std::vector<ChartSeries> series;
  /// y in per cent.
  bool percent = false;
  /// Logarithmic, where all y are > 0 and spread over more than a factor of 20.
  bool may_be_logarithmic = false;
};

/// An <svg> element. Its parts have the classes "grid", "tick", "label", "line" and
/// "dot"; dots that no line joins are in one of "alone".
std::string to_svg(const Chart& chart);

/// With the characters that HTML has a use for replaced.
std::string html_text(const std::string& text);

}  // namespace equipoise::program
