#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace equipoise::program {

/// Help as CLI11 has it, but in lines of 80 characters, with options' values as a word alone: what
/// they may be, and with which others, is in the descriptions.
class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter();

  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_description(const CLI::App* app) const override;
};

}  // namespace equipoise::program
