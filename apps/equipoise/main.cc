#include <algorithm>
#include <csignal>
#include <exception>
#include <iterator>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "command.h"
#include "equipoise/did_you_mean.h"
#include "equipoise/error.h"
#include "help.h"

namespace equipoise::program {
namespace {

ExitCode fail(ExitCode code, std::string_view what) {
  fmt::print(stderr, "equipoise: {}\n", what);
  return code;
}

/// The program, and the command that was given with those that it belongs to.
std::vector<const CLI::App*> used(const CLI::App& program) {
  std::vector<const CLI::App*> apps = {&program};
  while (!apps.back()->get_subcommands().empty()) {
    apps.push_back(apps.back()->get_subcommands().front());
  }
  return apps;
}

std::vector<std::string> names_of_options(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::vector<std::string> names_of_commands(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::App* one : command.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(one->get_name());
  }
  return names;
}

/// An argument that a command does not take, with the nearest that it does.
std::string unexpected(const CLI::App& command, const std::string& argument) {
  const bool is_option = argument.starts_with('-');
  const std::vector<std::string> names =
      is_option ? names_of_options(command) : names_of_commands(command);
  if (names.empty()) return fmt::format("'{}' is one argument too many", argument);
  const std::string word = argument.substr(0, argument.find('='));
  const std::vector<std::string_view> views(names.begin(), names.end());
  return fmt::format("there is no {} '{}'{}", is_option ? "option" : "command", word,
                     did_you_mean(word, views));
}

/// "--batch is given twice", if an option of one value is given more often; else nothing.
std::string given_again(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_items_expected_max() != 1 || option->count() < 2) continue;
    return option->count() == 2
               ? fmt::format("{} is given twice", option->get_name())
               : fmt::format("{} is given {} times", option->get_name(), option->count());
  }
  return {};
}

/// "--momentum: Number less or equal to 0", with the way to the help that applies.
ExitCode fail_usage(const CLI::App& program, const CLI::ParseError& error) {
  std::string text = error.what();
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  std::string command;
  for (const CLI::App* app : used(program)) {
    command += (command.empty() ? "" : " ") + app->get_name();
    if (const std::string again = given_again(*app); !again.empty()) text = again;
    // Also where it leaves the command without something that it requires.
    const std::vector<std::string> left = app->remaining();
    if (left.empty()) continue;
    text = unexpected(*app, left.front());
    break;
  }
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
  std::vector<Command> commands = {add_train(program), add_evaluate(program), add_predict(program),
                                   add_inspect(program)};
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
