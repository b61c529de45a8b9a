#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace equipoise::program {

/// A whole number ≥ 1.
CLI::Validator count();

/// A number between these, both included.
CLI::Validator number_between(double least, double most);

}  // namespace equipoise::program
