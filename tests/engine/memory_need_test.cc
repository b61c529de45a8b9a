/// More memory than there is: an error with names and numbers, before anything is taken.

#include <cstddef>
#include <cstdint>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "base/system_memory.h"
#include "engine/compile.h"
#include "engine/context.h"
#include "engine/images.h"
#include "equipoise/plan_report.h"
#include "equipoise/timings.h"

namespace equipoise::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// A linear layer whose weight takes this share of what is there.
Graph linear_layer(double share) {
  constexpr std::int64_t kInputs = 1024;
  const auto outputs = static_cast<std::int64_t>(share * static_cast<double>(available_memory()) /
                                                 (sizeof(float) * kInputs));
  Graph graph("large");
  const TensorId x = graph.add_input("x", {GraphShape::kBatch, kInputs});
  const TensorId y =
      ops::linear(graph, "fc", x, graph.add_parameter("fc.weight", {outputs, kInputs}));
  const TensorId target = graph.add_input("target", {GraphShape::kBatch, outputs});
  graph.add_output(ops::mean_squared_error(graph, "loss", y, target));
  return graph;
}

TEST(MemoryNeed, IntermediateResultsThatDoNotFitAreAnErrorBeforeAnythingRuns) {
  Session session(classifier("resnet18", {.input_size = {{224, 224}}}));
  EXPECT_THAT(error_of([&] { static_cast<void>(session.memory(Mode::kTraining, 1'000'000)); }),
              AllOf(HasSubstr("batch of 1000000"), HasSubstr("GiB"), HasSubstr("node 'conv1'"),
                    HasSubstr("(1000000, 64, 112, 112)"), HasSubstr("smaller batch")));
}

TEST(MemoryNeed, ParametersThatDoNotFitAreAnErrorOfTheSession) {
  EXPECT_THAT(error_of([] { Session(linear_layer(1.5)); }),
              AllOf(HasSubstr("parameters and buffers"), HasSubstr("'fc.weight'")));
  EXPECT_THAT(error_of([] { State(linear_layer(1.5)); }), HasSubstr("'fc.weight'"));
}

TEST(MemoryNeed, CountsWhatTheOptimizerKeeps) {
  EXPECT_THAT(error_of([] { Session(linear_layer(0.4), {.optimizer = ops::AdamWOptions{}}); }),
              AllOf(HasSubstr("parameters and buffers"), HasSubstr("'fc.weight")));
}

TEST(MemoryNeed, OfAPlanAloneCountsParameters) {
  EXPECT_THAT(
      error_of([] { static_cast<void>(report_plan(linear_layer(1.5), Mode::kInference, 1)); }),
      AllOf(HasSubstr("inference with a batch of 1"), HasSubstr("'fc.weight'")));
}

TEST(MemoryNeed, OfMeasuringIsAnErrorToo) {
  Timings timings;
  EXPECT_THAT(error_of([&] {
                static_cast<void>(
                    report_plan(linear_layer(1.5), Mode::kInference, 1, {.timings = &timings}));
              }),
              AllOf(HasSubstr("node 'fc'"), HasSubstr("measure")));
}

TEST(MemoryNeed, IsWhatIsNotThereYet) {
  for (const Mode mode : {Mode::kTraining, Mode::kInference}) {
    SCOPED_TRACE(to_string(mode));
    const Graph graph = classifier();
    State state(graph);
    const auto plan = engine::compile(graph, mode, 4, 1, {});
    std::size_t in_forms = 0;
    for (const engine::PlannedTensor& tensor : plan->tensors) {
      const bool is_form = tensor.place == engine::Place::kPrepared ||
                           (tensor.place == engine::Place::kState && tensor.format.weights);
      if (is_form && tensor.root < 0) in_forms += tensor.bytes;
    }
    engine::ContextMemory memory;
    const engine::MemoryNeed before = memory.need(*plan, &state);
    EXPECT_EQ(before.intermediate, plan->arena_bytes);
    // Prepared ones come in addition, others in place of what is row-major.
    EXPECT_EQ(before.state > 0, mode == Mode::kInference);
    EXPECT_LE(before.state, in_forms);
    EXPECT_GT(memory.need(*plan, nullptr).state, in_forms);
    static_cast<void>(state.entries());  // who has looked keeps the row-major values too
    EXPECT_EQ(memory.need(*plan, &state).state, in_forms);
    memory.bind(plan, state);
    const engine::MemoryNeed after = memory.need(*plan, &state);
    EXPECT_EQ(after.intermediate, 0U);
    EXPECT_EQ(after.state, 0U);
  }
}

}  // namespace
}  // namespace equipoise::testing
