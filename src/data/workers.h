#pragma once

#include <system_error>

namespace equipoise::data {

/// Throws Error unless there can be so many threads that load data.
void check_workers(int workers);

/// Throws Error: so many could not be started.
[[noreturn]] void fail_to_start(int workers, const std::system_error& error);

}  // namespace equipoise::data
