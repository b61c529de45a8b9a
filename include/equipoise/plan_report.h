#pragma once

/// What the engine has decided for a graph, and why.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "equipoise/export.h"
#include "equipoise/graph.h"
#include "equipoise/session.h"
#include "equipoise/tensor.h"

namespace equipoise {

struct PassReport {
  std::string name = {};
  double milliseconds = 0;
  bool skipped = false;
  /// Behind it.
  std::size_t nodes = 0;
};

/// One that would have been preferred to what was chosen.
struct DeclinedImplementation {
  std::string implementation = {};
  /// "oneDNN has only ref:any"
  std::string reason = {};
};

struct PlannedTensorReport {
  std::string name = {};
  Shape shape = {};
  /// "blocked16", "row-major", or a library's name for it
  std::string format = {};
  std::size_t bytes = 0;
};

/// One node of the graph behind all passes.
struct StepReport {
  std::string name = {};
  std::string operation = {};
  /// Of fused nodes: the names of those that they are made of.
  std::vector<std::string> made_of = {};
  std::string implementation = {};
  /// What a library calls its choice, "jit:avx512_core"; empty if there is no more to say.
  std::string detail = {};
  /// Those that are there.
  std::vector<PlannedTensorReport> inputs = {};
  std::vector<PlannedTensorReport> outputs = {};
  /// Nothing is done: the output is the memory of the first input.
  bool alias = false;
  std::size_t scratch_bytes = 0;
  /// Multiplications and additions, each counted as one.
  double flops = 0;
  std::vector<DeclinedImplementation> declined = {};
};

struct PlanReport {
  std::string graph = {};
  Mode mode = Mode::kInference;
  std::int64_t batch = 0;
  int threads = 1;
  /// Of intermediate results and scratch memory.
  std::size_t arena_bytes = 0;
  /// In the order in which they ran.
  std::vector<PassReport> passes = {};
  std::vector<StepReport> steps = {};
  /// So many steps, the first ones, read nothing but the state: they run when it has changed.
  std::size_t prepared_steps = 0;
  /// The step after which the gate decides whether the update runs, or −1.
  int gate_step = -1;
};

/// A line per pass and per step, with the reasons below.
[[nodiscard]] EQUIPOISE_API std::string to_string(const PlanReport& report);

/// What a session of the graph would plan, without memory for parameters or anything else that a
/// run needs. Throws Error as the session's constructor and its runs do.
[[nodiscard]] EQUIPOISE_API PlanReport report_plan(const Graph& graph, Mode mode,
                                                   std::int64_t batch,
                                                   const SessionOptions& options = {});

/// A convolution or a product of matrices, alone in its best layout.
struct FloorRow {
  std::string name = {};
  std::string operation = {};
  std::string implementation = {};
  std::string detail = {};
  /// Of its first input; weights are in whatever form is fastest.
  std::string format = {};
  double milliseconds = 0;
  double flops = 0;
};

/// What no plan of the graph can be faster than: the convolutions and matrix products of one run,
/// each alone, the fastest of a few repetitions in the layout that suits it best, its operands
/// where repetitions leave them. Equal ones are measured once. Takes seconds, and a machine that
/// does nothing else. Throws Error as `report_plan` does.
[[nodiscard]] EQUIPOISE_API std::vector<FloorRow> measure_floor(const Graph& graph, Mode mode,
                                                                std::int64_t batch,
                                                                const SessionOptions& options = {});

}  // namespace equipoise
