#pragma once

#include <span>
#include <string>
#include <vector>

#include "operations/descriptor.h"

namespace equipoise::testing {

/// "convolution", of what is checked.
std::string operation_of(const OperationTest& test);

/// Row-major, and for those with an input that can be an image all others.
bool runs_in(Layout layout, const OperationTest& test);

/// In which one of the cases runs; row-major at least.
std::vector<Layout> layouts_of(std::span<const OperationTest> cases);

}  // namespace equipoise::testing
