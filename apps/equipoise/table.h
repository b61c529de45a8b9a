#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "output.h"

namespace equipoise::program {

/// Rows of text in columns that line up.
class Table {
 public:
  enum class Align : std::uint8_t { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
    /// May be cut where a terminal has too few columns.
    bool elastic = false;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// As many cells as columns.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  /// A row that sums up, below a rule.
  void add_total(std::vector<std::string> cells) { totals_.push_back(std::move(cells)); }

  /// A title line, a rule, and the rows. Columns without any text are left out.
  std::string text(const Style& style) const;

 private:
  std::vector<std::size_t> widths(std::size_t available) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::vector<std::string>> totals_;
};

}  // namespace equipoise::program
