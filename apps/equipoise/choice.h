#pragma once

#include <map>
#include <string>

#include <CLI/CLI.hpp>

namespace equipoise::program {

/// An option whose value is one of a few words.
template <class Value, class Set>
CLI::Option* add_choice(CLI::App& command, const std::string& flag,
                        const std::map<std::string, Value>& choices, Set set,
                        const std::string& description) {
  return command
      .add_option_function<std::string>(
          flag, [choices, set](const std::string& word) { set(choices.at(word)); }, description)
      ->check(CLI::IsMember(choices).description(""))
      ->type_name("KIND");
}

}  // namespace equipoise::program
