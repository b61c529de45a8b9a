#pragma once

#include <string>

#include "equipoise/error.h"

namespace equipoise {

/// What the Error says that an action throws.
inline std::string message_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace equipoise
