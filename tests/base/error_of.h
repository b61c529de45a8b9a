#pragma once

#include <string>

#include "equipoise/error.h"

namespace equipoise::testing {

/// What the Error says that a call throws.
template <class Call>
std::string error_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace equipoise::testing
