#include "engine/timing.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>

#include <fmt/format.h>

#include "base/system_memory.h"
#include "engine/lifetimes.h"
#include "equipoise/error.h"
#include "equipoise/runtime.h"

namespace equipoise::engine {
namespace {

double once(const Kernel& kernel, const Arguments& arguments) {
  const auto start = std::chrono::steady_clock::now();
  kernel.run(arguments);
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

}  // namespace

double Stopwatch::milliseconds(const NodeContext& node, const Proposal& proposal, double hopeless) {
  std::size_t total = 0;
  const auto place = [&](std::size_t bytes) {
    const std::size_t offset = total;
    total += aligned(bytes);
    return offset;
  };
  const auto place_all = [&](const std::vector<TensorId>& ids, const std::vector<Shape>& shapes,
                             const std::vector<Format>& formats) {
    std::vector<std::size_t> offsets;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      offsets.push_back(place(ids[i] ? bytes_of(formats[i], shapes[i], DType::kF32) : 0));
    }
    return offsets;
  };
  const std::vector<std::size_t> inputs =
      place_all(node.node.inputs, node.input_shapes, proposal.inputs);
  const std::size_t end_of_inputs = total;
  const std::vector<std::size_t> outputs =
      place_all(node.node.outputs, node.output_shapes, proposal.outputs);
  const std::size_t scratch = place(proposal.scratch_bytes);

  if (total > memory_.size() && total > available_memory()) {
    throw Error(
        fmt::format("node '{}': to measure how it runs takes {} MiB, which are not available; "
                    "take a smaller batch or smaller images",
                    node.node.name, total >> 20));
  }
  memory_.reserve(total);
  auto* const values = reinterpret_cast<float*>(memory_.data());
  std::fill_n(values, end_of_inputs / sizeof(float), 0.01F);
  const auto pointers = [&](const std::vector<TensorId>& ids,
                            const std::vector<std::size_t>& offsets) {
    std::vector<void*> found;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      found.push_back(ids[i] ? memory_.data() + offsets[i] : nullptr);
    }
    return found;
  };
  RunContext run;
  const std::vector<void*> from = pointers(node.node.inputs, inputs);
  const std::vector<void*> to = pointers(node.node.outputs, outputs);
  const Arguments arguments{
      .inputs = from, .outputs = to, .scratch = memory_.data() + scratch, .run = run};

  // The first also takes pages and makes code.
  const double first = once(*proposal.kernel, arguments);
  if (first > 4 * hopeless) return first;
  double least = std::numeric_limits<double>::infinity();
  constexpr int kRuns = 5;
  constexpr double kEnough = 60;
  double spent = 0;
  for (int i = 0; i < kRuns && (i < 2 || spent < kEnough); ++i) {
    const double time = once(*proposal.kernel, arguments);
    least = std::min(least, time);
    spent += time;
    if (time > 2 * hopeless) break;
  }
  return least;
}

std::vector<Layout> candidate_layouts() {
  const std::string target = simd_target();
  if (target.starts_with("AVX3")) {
    return {Layout::kBlocked16, Layout::kChannelsLast, Layout::kBlocked8, Layout::kChannelsFirst};
  }
  if (target == "AVX2") {
    return {Layout::kBlocked8, Layout::kChannelsLast, Layout::kChannelsFirst};
  }
  return {Layout::kChannelsLast, Layout::kChannelsFirst};
}

}  // namespace equipoise::engine
