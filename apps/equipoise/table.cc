#include "table.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "terminal.h"

namespace equipoise::program {
namespace {

constexpr std::size_t kGap = 2;
/// What remains of a column that is cut.
constexpr std::size_t kLeast = 12;

std::string rule(std::size_t width) {
  std::string text;
  for (std::size_t i = 0; i < width; ++i) text += "─";
  return text;
}

}  // namespace

std::vector<std::size_t> Table::widths(std::size_t available) const {
  std::vector<std::size_t> widths(columns_.size());
  for (const auto* rows : {&rows_, &totals_}) {
    for (const auto& cells : *rows) {
      for (std::size_t c = 0; c < widths.size(); ++c) {
        widths[c] = std::max(widths[c], width_of(cells[c]));
      }
    }
  }
  std::size_t total = 0;
  for (std::size_t c = 0; c < widths.size(); ++c) {
    if (widths[c] == 0) continue;
    widths[c] = std::max(widths[c], width_of(columns_[c].title));
    total += widths[c] + (total == 0 ? 0 : kGap);
  }
  if (available == 0) return widths;
  for (std::size_t c = 0; c < widths.size() && total > available; ++c) {
    if (!columns_[c].elastic || widths[c] <= kLeast) continue;
    const std::size_t less = std::min(widths[c] - kLeast, total - available);
    widths[c] -= less;
    total -= less;
  }
  return widths;
}

std::string Table::text(const Style& style) const {
  const std::vector<std::size_t> column_widths = widths(style.columns);
  const auto line = [&](const auto& cell_of) {
    std::string text;
    std::string pending;  // spaces, written only in front of text: no line ends in them
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (column_widths[c] == 0) continue;
      const std::string cell = cut(cell_of(c), column_widths[c]);
      const std::string padding(column_widths[c] - width_of(cell), ' ');
      const bool right = columns_[c].align == Align::kRight;
      if (right) pending += padding;
      if (!cell.empty()) text += std::exchange(pending, {}) + cell;
      if (!right) pending += padding;
      pending.append(kGap, ' ');
    }
    return text;
  };
  const auto row = [&](const std::vector<std::string>& cells) {
    return line([&](std::size_t c) -> const std::string& { return cells[c]; });
  };
  std::size_t total = 0;
  for (const std::size_t width : column_widths) total += width == 0 ? 0 : width + kGap;
  const std::string separator = style.faint(rule(std::max(total, kGap) - kGap)) + "\n";

  std::string text =
      style.strong(line([&](std::size_t c) -> const std::string& { return columns_[c].title; })) +
      "\n" + separator;
  for (const auto& cells : rows_) text += row(cells) + "\n";
  if (!totals_.empty()) text += separator;
  for (const auto& cells : totals_) text += style.strong(row(cells)) + "\n";
  return text;
}

}  // namespace equipoise::program
