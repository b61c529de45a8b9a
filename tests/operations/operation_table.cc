#include "operations/operation_table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/text.h"
#include "engine/implementation.h"
#include "equipoise/error.h"
#include "equipoise/plan_report.h"
#include "graph/operation.h"
#include "operations/engine_check.h"
#include "operations/gradient_check.h"
#include "operations/operation_cases.h"
#include "operations/operation_steps.h"

namespace equipoise::testing {
namespace {

/// Whether the operation has a gradient, though the case may take none.
bool has_gradient(OperationTest test) {
  test.constant_inputs.clear();
  TestGraph made = graph_of(test);
  std::vector<TensorId> wrt;
  for (const std::string& name : made.differentiable) wrt.push_back(made.graph.tensor(name));
  try {
    differentiate(made.graph, made.loss, wrt);
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// "norm", or "rows in row-major" where no image is in the layout.
std::string implementation_of(const StepReport& step, Layout layout) {
  bool images = false;
  bool in_layout = layout == Layout::kChannelsFirst;
  for (const auto* tensors : {&step.inputs, &step.outputs}) {
    for (const PlannedTensorReport& tensor : *tensors) {
      // Of one position, every layout but the blocked ones is row-major.
      if (tensor.shape.rank() < 3 || tensor.shape.positions() == 1) continue;
      images = true;
      in_layout = in_layout || tensor.format != "row-major";
    }
  }
  return images && !in_layout ? step.implementation + " in row-major" : step.implementation;
}

class TableMaker {
 public:
  explicit TableMaker(const TableOptions& options) : options_(options) {
    table_.timed = options.time;
  }

  OperationTable make() {
    collect(all_operation_tests(), &Operation::cases);
    if (options_.time) collect(timed_tests(), &Operation::timed);
    for (const Operation& operation : operations_) add_rows(operation);
    if (options_.filter == "*") {
      for (const std::string_view name : engine::implemented_operations()) {
        if (!is_covered(name)) table_.without_cases.emplace_back(name);
      }
    }
    return std::move(table_);
  }

 private:
  struct Operation {
    std::string name;
    std::vector<OperationTest> cases;
    std::vector<OperationTest> timed;
  };

  void collect(std::vector<OperationTest> tests, std::vector<OperationTest> Operation::*member) {
    for (OperationTest& test : tests) {
      const std::string name = operation_of(test);
      if (!matches_pattern(name, options_.filter)) continue;
      auto found = std::ranges::find(operations_, name, &Operation::name);
      if (found == operations_.end()) {
        found = operations_.insert(operations_.end(), {.name = name, .cases = {}, .timed = {}});
      }
      ((*found).*member).push_back(std::move(test));
    }
  }

  /// By cases of its own; gradients and reorders by those that they ran in. (Others run in
  /// gradients too, slice in that of concatenate, but few of their attributes occur there.)
  bool is_covered(std::string_view name) const {
    if (name.ends_with("_gradient") || name == "reorder") return run_.contains(name);
    const auto found = std::ranges::find(operations_, name, &Operation::name);
    return found != operations_.end() && !found->cases.empty();
  }

  void add_rows(const Operation& operation) {
    Check differences;
    bool differentiable = operation.cases.empty();
    for (const OperationTest& test : operation.cases) {
      for (const CheckedGradient& checked : check_gradients(test)) {
        differences.add(checked.error, kDifferenceTolerance);
      }
      differentiable = differentiable || differences.count > 0 || has_gradient(test);
    }
    for (const Layout layout : layouts_of(operation.cases)) {
      OperationRow row{.operation = operation.name,
                       .layout = layout,
                       .differences = differences,
                       .differentiable = differentiable};
      for (const OperationTest& test : operation.cases) {
        if (runs_in(layout, test)) check(test, row);
      }
      if (!operation.timed.empty()) row.time = time_in_engine(operation.timed.front(), layout);
      table_.rows.push_back(std::move(row));
    }
  }

  void check(const OperationTest& test, OperationRow& row) {
    ++row.cases;
    for (const CheckedTensor& checked : check_in_engine(test, row.layout)) {
      (checked.name == "result" ? row.forward : row.gradient).add(checked.error, test.tolerance);
    }
    const EngineCase engine_case(test, row.layout);
    const std::string& node = checked_node(engine_case.made.graph, engine_case.made.result).name;
    const Mode mode = engine_case.trains() ? Mode::kTraining : Mode::kInference;
    for (const StepReport& step :
         report_plan(engine_case.graph, mode, test.batch, engine_case.options).steps) {
      run_.insert(step.operation);
      if (is_of_node(step.name, step.made_of, node) ||
          is_of_gradient(step.name, step.operation, node)) {
        row.implementations.insert(implementation_of(step, row.layout));
      }
    }
  }

  TableOptions options_;
  OperationTable table_;
  std::vector<Operation> operations_;
  std::set<std::string, std::less<>> run_;
};

}  // namespace

void Check::add(double new_error, double tolerance) {
  if (std::isnan(new_error)) new_error = std::numeric_limits<double>::infinity();
  ++count;
  error = std::max(error, new_error);
  within_tolerance = within_tolerance && new_error <= tolerance;
}

std::vector<std::string> missing_checks(const OperationRow& row, bool timed) {
  std::vector<std::string> missing;
  if (row.forward.count == 0) missing.emplace_back("forward");
  if (row.differentiable && row.gradient.count == 0) missing.emplace_back("gradient");
  if (row.differentiable && row.differences.count == 0) missing.emplace_back("differences");
  if (timed && !row.time) missing.emplace_back("time");
  return missing;
}

bool OperationTable::complete() const {
  return without_cases.empty() && std::ranges::all_of(rows, [&](const OperationRow& row) {
           return missing_checks(row, timed).empty() && row.forward.within_tolerance &&
                  row.gradient.within_tolerance && row.differences.within_tolerance;
         });
}

OperationTable make_operation_table(const TableOptions& options) {
  return TableMaker(options).make();
}

}  // namespace equipoise::testing
