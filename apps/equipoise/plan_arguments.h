#pragma once

#include <cstdint>

#include <CLI/CLI.hpp>

#include "equipoise/graph.h"
#include "equipoise/session.h"
#include "plan_file.h"

namespace equipoise::program {

/// How a model is to be run. Options of the command line are bound to it, so it stays where it is.
class PlanArguments {
 public:
  /// With an option for the mode.
  explicit PlanArguments(CLI::App& command);
  PlanArguments(CLI::App& command, Mode mode);
  PlanArguments(const PlanArguments&) = delete;
  PlanArguments& operator=(const PlanArguments&) = delete;

  std::int64_t batch() const { return batch_; }
  Mode mode() const { return mode_; }
  const SessionOptions& session() const { return session_; }

  /// Keeps what was measured in the file of --plan, if there is one. Throws Error if it cannot be
  /// written.
  void keep_timings() { static_cast<void>(plan_.keep()); }

  /// Makes options that only change the plan need this one, which shows it.
  void require_for_plan(CLI::Option* option);

 private:
  std::int64_t batch_ = 1;
  Mode mode_ = Mode::kInference;
  SessionOptions session_;
  PlanFile plan_;
  std::vector<CLI::Option*> of_plan_;
};

}  // namespace equipoise::program
