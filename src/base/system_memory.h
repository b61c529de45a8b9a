#pragma once

#include <cstddef>
#include <filesystem>

namespace equipoise {

/// Bytes that can still be taken without swapping: what the kernel says is available, or what the
/// limits of the process's control groups leave where that is less.
std::size_t available_memory();

/// What the limits of a control group (version 2) and of those that it is in leave, the greatest
/// number if there are none. `mount` is the folder of the outermost one, `group` a path that begins
/// there with "/".
std::size_t left_by_control_groups(const std::filesystem::path& mount,
                                   const std::filesystem::path& group);

}  // namespace equipoise
