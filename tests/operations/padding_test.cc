/// Lanes of a blocked layout that belong to no channel: whoever writes a tensor leaves zeros there,
/// also where memory held something else before.

#include <cmath>
#include <cstring>
#include <string>
#include <tuple>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/compile.h"
#include "engine/context.h"
#include "engine/execute.h"
#include "engine/inputs.h"
#include "engine/layout.h"
#include "operations/engine_check.h"

namespace equipoise::testing {
namespace {

class Padding : public ::testing::TestWithParam<std::tuple<OperationTest, Layout>> {};

bool padding_is_zero(const float* data, const Shape& shape, Layout layout) {
  const std::int64_t block = engine::block_of(layout);
  const std::int64_t blocks = (shape.channels() + block - 1) / block;
  for (std::int64_t n = 0; n < shape.samples(); ++n) {
    const float* last = data + ((n + 1) * blocks - 1) * shape.positions() * block;
    for (std::int64_t s = 0; s < shape.positions(); ++s) {
      for (std::int64_t lane = shape.channels() % block; lane < block; ++lane) {
        if (last[s * block + lane] != 0) return false;
      }
    }
  }
  return true;
}

TEST_P(Padding, IsZero) {
  const auto& [test, layout] = GetParam();
  EngineCase engine_case(test, layout);
  // Every tensor is still there behind the last step.
  engine_case.options.skip_passes = {"reuse_memory"};
  const Mode mode = engine_case.trains() ? Mode::kTraining : Mode::kInference;
  const auto plan = engine::compile(engine_case.graph, mode, test.batch, 2, engine_case.options);
  State state(engine_case.graph);
  state.extend(plan->graph);
  engine_case.load(state);
  engine::ContextMemory memory;
  engine::BoundPlan& bound = memory.bind(plan, state);
  std::memset(memory.arena.data(), 0xFF, memory.arena.size());  // NaN
  const engine::UpdateNumbers numbers;
  engine::set_inputs(bound, engine_case.inputs(), &numbers);
  engine::execute(bound, 0, plan->steps.size());

  for (std::size_t i = 0; i < plan->tensors.size(); ++i) {
    const engine::PlannedTensor& tensor = plan->tensors[i];
    if (tensor.place != engine::Place::kArena || tensor.shape.rank() < 3 || tensor.format.weights ||
        !engine::has_padding(tensor.shape, tensor.format.layout)) {
      continue;
    }
    EXPECT_TRUE(padding_is_zero(static_cast<const float*>(bound.pointers[i]), tensor.shape,
                                tensor.format.layout))
        << plan->graph.tensors()[i].name << " " << to_string(tensor.shape);
  }
}

std::string test_name(const ::testing::TestParamInfo<std::tuple<OperationTest, Layout>>& info) {
  return fmt::format("{}_{}", identifier(std::get<0>(info.param).name),
                     to_string(std::get<1>(info.param)));
}

INSTANTIATE_TEST_SUITE_P(, Padding,
                         ::testing::Combine(::testing::ValuesIn(all_operation_tests()),
                                            ::testing::Values(Layout::kBlocked8,
                                                              Layout::kBlocked16)),
                         test_name);

}  // namespace
}  // namespace equipoise::testing
