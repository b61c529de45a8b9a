/// Networks of every family with lean memory: the bits of the default, in less memory. Both are
/// made anew, so that these are also the same bits run to run, by one thread and by two.

#include <ostream>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/images.h"
#include "engine/three_steps.h"
#include "norm/targets.h"

namespace equipoise::testing {
namespace {

constexpr ops::SgdOptions kSgd = {.momentum = 0.9, .weight_decay = 1e-4};
constexpr ops::Pair kSize = {32, 32};
/// Of these, intermediate results are more than gradients of weights.
constexpr ops::Pair kLargeSize = {128, 128};

/// A network of a family, in which lean memory saves at least this share.
struct Family {
  const char* model;
  ModelNorm::Kind norm;
  double saves;
};

void PrintTo(const Family& family, std::ostream* out) { *out << family.model; }

class LeanMemory : public ::testing::TestWithParam<Family> {
 protected:
  static constexpr std::int64_t kBatch = 8;

  static Session session(MemoryMode memory, const ops::Pair& size) {
    Graph graph = classifier(GetParam().model,
                             {.input_size = size, .norm = {.kind = GetParam().norm, .groups = 4}});
    return Session(std::move(graph), {.memory = memory, .optimizer = kSgd});
  }

  static Trained trained(MemoryMode memory) {
    Session made = session(memory, kSize);
    const Images images(kBatch, kSize);
    return three_steps(made, [&] {
      return made.train({images.image(), images.labels()}, {.rate = 0.01F});
    });
  }
};

TEST_P(LeanMemory, GivesTheBitsOfTheDefault) {
  for (const int threads : {1, 2}) {
    SCOPED_TRACE(threads);
    const RuntimeGuard guard;
    set_num_threads(threads);
    EXPECT_TRUE(trained(MemoryMode::kDefault) == trained(MemoryMode::kLean));
  }
}

TEST_P(LeanMemory, TakesLess) {
  const auto usual = static_cast<double>(
      session(MemoryMode::kDefault, kLargeSize).memory(Mode::kTraining, kBatch));
  const auto lean =
      static_cast<double>(session(MemoryMode::kLean, kLargeSize).memory(Mode::kTraining, kBatch));
  EXPECT_LE(lean, (1 - GetParam().saves) * usual);
}

INSTANTIATE_TEST_SUITE_P(, LeanMemory,
                         ::testing::Values(Family{"resnet18", ModelNorm::Kind::kBatch, 0.1},
                                           Family{"resnet50", ModelNorm::Kind::kBatch, 0.1},
                                           Family{"resnet50", ModelNorm::Kind::kGroup, 0.1},
                                           Family{"efficientnet_b0", ModelNorm::Kind::kBatch, 0.1},
                                           Family{"mobilenet_v2", ModelNorm::Kind::kBatch, 0.1},
                                           Family{"vgg11", ModelNorm::Kind::kBatch, 0}),
                         [](const auto& tested) {
                           return fmt::format("{}_{}", tested.param.model,
                                              to_string(tested.param.norm));
                         });

}  // namespace
}  // namespace equipoise::testing
