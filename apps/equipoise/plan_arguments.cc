#include "plan_arguments.h"

#include <map>
#include <string>

#include "checks.h"
#include "choice.h"

namespace equipoise::program {
namespace {

constexpr const char* kGroup = "Plan";

const std::map<std::string, Mode>& modes() {
  static const std::map<std::string, Mode> named = {{"training", Mode::kTraining},
                                                    {"inference", Mode::kInference}};
  return named;
}

}  // namespace

PlanArguments::PlanArguments(CLI::App& command) : PlanArguments(command, Mode::kInference) {
  add_choice(
      command, "--mode", modes(), [this](Mode mode) { mode_ = mode; },
      "inference (default) or training: with loss, gradients and update")
      ->type_name("MODE")
      ->group(kGroup);
}

PlanArguments::PlanArguments(CLI::App& command, Mode mode) : mode_(mode) {
  command.add_option("--batch", batch_, "Samples of a run (1)")
      ->type_name("N")
      ->check(count())
      ->group(kGroup);
  of_plan_ = {
      add_choice(
          command, "--layout", layout_choices(),
          [this](Layout layout) { session_.layout = layout; }, kLayoutDescription),
      command
          .add_option_function<std::string>(
              "--plan",
              [this](const std::string& path) {
                plan_.open(path);
                session_.timings = plan_.timings();
              },
              kPlanDescription)
          ->type_name("FILE"),
      command.add_option("--skip-pass", session_.skip_passes, "Leave out a pass of the planner")
          ->allow_extra_args(false)
          ->type_name("NAME"),
      command
          .add_option("--tap", session_.taps,
                      "Keep a tensor, even if fusion would make it disappear")
          ->allow_extra_args(false)
          ->type_name("NAME")};
  of_plan_.push_back(add_choice(
      command, "--memory", memory_choices(),
      [this](MemoryMode memory) { session_.memory = memory; },
      std::string("Of training; inference has one kind. ") + kMemoryDescription));
  for (CLI::Option* option : of_plan_) option->group(kGroup);
}

void PlanArguments::require_for_plan(CLI::Option* option) {
  for (CLI::Option* of_plan : of_plan_) of_plan->needs(option);
}

}  // namespace equipoise::program
