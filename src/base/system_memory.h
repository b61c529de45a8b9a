#pragma once

#include <cstddef>

namespace equipoise {

/// Bytes that can still be taken without swapping: what the kernel says is available, or the rest
/// of the control group's limit where that is less.
std::size_t available_memory();

}  // namespace equipoise
