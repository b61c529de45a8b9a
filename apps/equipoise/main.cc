#include <algorithm>
#include <csignal>
#include <exception>
#include <iterator>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "command.h"
#include "equipoise/error.h"
#include "help.h"

namespace equipoise::program {
namespace {

ExitCode fail(ExitCode code, std::string_view what) {
  fmt::print(stderr, "equipoise: {}\n", what);
  return code;
}

/// "--momentum: Number less or equal to 0", with the way to the help that applies.
ExitCode fail_usage(const CLI::App& program, const CLI::ParseError& error) {
  std::string command = "equipoise";
  for (const CLI::App* used = &program; !used->get_subcommands().empty();) {
    used = used->get_subcommands().front();
    command += " " + used->get_name();
  }
  std::string text = error.what();
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return fail(kUsage, fmt::format("{}\nSee '{} --help'.", text, command));
}

int run(int argc, char** argv) {
  CLI::App program("Deep networks that use normalization: what they are made of, and how they run.",
                   "equipoise");
  program.set_version_flag("--version", fmt::format("equipoise {}", kVersion),
                           "Print the version and exit");
  program.set_help_flag("-h,--help", "Print this help and exit");
  program.formatter(std::make_shared<HelpFormatter>());
  program.footer(
      "'equipoise COMMAND --help' explains a command and has examples.\n"
      "Exit codes: 0 done, 1 failed, 2 usage.");
  std::vector<Command> commands = {add_train(program), add_inspect(program)};
  std::ranges::move(add_bench(program), std::back_inserter(commands));
  try {
    program.parse(argc, argv);
    for (const Command& command : commands) {
      if (command.options->parsed()) return command.run();
    }
  } catch (const CLI::Success& asked_for) {
    return program.exit(asked_for);
  } catch (const CLI::ParseError& error) {
    return fail_usage(program, error);
  }
  return fail(kUsage, "no command given\nSee 'equipoise --help'.");
}

}  // namespace
}  // namespace equipoise::program

int main(int argc, char** argv) {
  using namespace equipoise::program;
  // Whoever reads our output may stop (`| head`): that is no error, even where the parent ignores
  // it.
  std::signal(SIGPIPE, SIG_DFL);
  // A file that grows beyond `ulimit -f` is an error as a full disk is.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    return run(argc, argv);
  } catch (const equipoise::Error& error) {
    return fail(kFailed, error.what());
  } catch (const std::bad_alloc&) {
    return fail(kFailed, "out of memory; take a smaller batch, a smaller model or smaller images");
  } catch (const std::exception& error) {
    return fail(kFailed, error.what());
  }
}
