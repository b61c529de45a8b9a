#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

namespace equipoise::program {

inline constexpr std::string_view kVersion = EQUIPOISE_VERSION;

/// What the program ends with; 128 + its number if a signal has stopped it in good order.
enum ExitCode : int { kDone = 0, kFailed = 1, kUsage = 2 };

/// A command of the program: its options, and what it does once they are parsed. Errors of the
/// command line that parsing alone cannot see are thrown as CLI::ParseError, all others as Error.
struct Command {
  CLI::App* options;
  std::function<ExitCode()> run;
};

Command add_inspect(CLI::App& program);
Command add_train(CLI::App& program);
Command add_evaluate(CLI::App& program);
Command add_predict(CLI::App& program);
/// One for each of its subcommands.
std::vector<Command> add_bench(CLI::App& program);

}  // namespace equipoise::program
