#include "data/workers.h"

#include <fmt/format.h>

#include "equipoise/error.h"

namespace equipoise::data {

void check_workers(int workers) {
  constexpr int kMost = 256;
  if (workers >= 1 && workers <= kMost) return;
  throw Error(fmt::format("{} threads to load data; 1 to {} are possible", workers, kMost));
}

void fail_to_start(int workers, const std::system_error& error) {
  throw Error(fmt::format("cannot start {} threads to load data: {}", workers, error.what()));
}

}  // namespace equipoise::data
