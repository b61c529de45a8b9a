#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "equipoise/tensor.h"
#include "operations/operation_time.h"

namespace equipoise::testing {

/// What became of one kind of check over all cases of a row.
struct Check {
  int count = 0;
  /// The largest relative error; infinite for NaN and for what was not computed.
  double error = 0;
  bool within_tolerance = true;

  void add(double error, double tolerance);
};

/// One operation in one layout. Gradients have no rows of their own.
struct OperationRow {
  std::string operation;
  Layout layout = Layout::kChannelsFirst;
  int cases = 0;
  /// The engine's result and gradients against f64.
  Check forward = {};
  Check gradient = {};
  /// The gradient rule in f64 against central differences; the same in all layouts.
  Check differences = {};
  /// Whether the operation has a gradient at all.
  bool differentiable = true;
  /// Of the operation and its gradient in all cases; with the layout where another was taken.
  std::set<std::string> implementations = {};
  std::optional<OperationTime> time = std::nullopt;
};

struct OperationTable {
  std::vector<OperationRow> rows;
  bool timed = true;
  /// Operations that the engine implements and that have no cases; gradients and reorders that ran
  /// in none. Only if all operations are asked for.
  std::vector<std::string> without_cases;

  /// Whether no check is missing and all are within their tolerance.
  bool complete() const;
};

/// What a row lacks: "forward", "gradient", "differences", "time".
std::vector<std::string> missing_checks(const OperationRow& row, bool timed);

struct TableOptions {
  /// Of `*` and `?`, for the operation's name.
  std::string filter = "*";
  bool time = true;
};

/// Runs all cases. Operations are in the order in which cases name them, layouts those that images
/// can have; an operation that takes no images has one row, in row-major.
OperationTable make_operation_table(const TableOptions& options);

}  // namespace equipoise::testing
