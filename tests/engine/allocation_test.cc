/// Once warm, a step of training and a run of inference allocate nothing in our code, whichever
/// thread runs it, and nothing of 64 KiB or more in anybody's. A hook in place of malloc sees
/// operator new too, and those of oneDNN and OpenMP.

#include <atomic>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <dlfcn.h>
#include <execinfo.h>
#include <gtest/gtest.h>

#include "engine/images.h"

namespace {

constexpr std::size_t kLarge = std::size_t{64} << 10;

std::atomic<bool> counting{false};
std::atomic<int> ours{0};
std::atomic<int> others{0};
std::atomic<int> large{0};
thread_local bool inside = false;

/// Whether the nearest caller that is no part of the C++ or C library is this program, into which
/// the engine is linked.
[[gnu::noinline]] bool is_ours() {
  constexpr int kFrames = 24;
  constexpr int kOwn = 3;  // of this hook
  void* frames[kFrames];
  const int count = backtrace(frames, kFrames);
  Dl_info program;
  dladdr(reinterpret_cast<void*>(&is_ours), &program);
  for (int i = kOwn; i < count; ++i) {
    Dl_info caller;
    if (dladdr(frames[i], &caller) == 0 || caller.dli_fname == nullptr) return false;
    const std::string_view file = caller.dli_fname;
    if (file.find("libstdc++") != file.npos || file.find("libc.so") != file.npos) continue;
    return caller.dli_fbase == program.dli_fbase;
  }
  return true;
}

[[gnu::noinline]] void note(std::size_t bytes) {
  if (!counting || inside) return;
  inside = true;
  (is_ours() ? ours : others) += 1;
  if (bytes >= kLarge) large += 1;
  inside = false;
}

}  // namespace

extern "C" {
// glibc's own names of what is replaced.
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* memory, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);

[[gnu::noinline]] void* malloc(std::size_t bytes) {
  note(bytes);
  return __libc_malloc(bytes);
}
[[gnu::noinline]] void* calloc(std::size_t count, std::size_t bytes) {
  note(count * bytes);
  return __libc_calloc(count, bytes);
}
[[gnu::noinline]] void* realloc(void* memory, std::size_t bytes) {
  note(bytes);
  return __libc_realloc(memory, bytes);
}
[[gnu::noinline]] void* memalign(std::size_t alignment, std::size_t bytes) {
  note(bytes);
  return __libc_memalign(alignment, bytes);
}
[[gnu::noinline]] void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  note(bytes);
  return __libc_memalign(alignment, bytes);
}
[[gnu::noinline]] int posix_memalign(void** memory, std::size_t alignment, std::size_t bytes) {
  note(bytes);
  *memory = __libc_memalign(alignment, bytes);
  return *memory == nullptr ? ENOMEM : 0;
}
}

namespace equipoise::testing {
namespace {

struct Counts {
  int ours, others, large;
};

template <class Call>
Counts count(const Call& call) {
  ours = others = large = 0;
  counting = true;
  call();
  counting = false;
  return {ours, others, large};
}

/// From the third call on.
template <class Call>
void expect_steady(const Call& call) {
  call();
  call();
  const Counts counts = count(call);
  EXPECT_EQ(counts.ours, 0);
  EXPECT_EQ(counts.large, 0);
  EXPECT_GT(counts.others, 0) << "the hook sees nothing";
}

/// Large enough that tensors, and what oneDNN wants as scratch memory, have 64 KiB and more.
struct Network {
  const char* model;
  ops::Pair size;
  std::int64_t batch;
  MemoryMode memory = MemoryMode::kDefault;

  std::string name() const {
    return memory == MemoryMode::kLean ? std::string(model) + "_lean" : model;
  }
};

void PrintTo(const Network& network, std::ostream* out) { *out << network.name(); }

class SteadyStep : public ::testing::TestWithParam<Network> {
 protected:
  SteadyStep() {
    void* frame[1];
    backtrace(frame, 1);  // loads what it needs, once
  }

  Session session_{classifier(GetParam().model, {.input_size = GetParam().size}),
                   {.memory = GetParam().memory,
                    .optimizer = ops::SgdOptions{.momentum = 0.9, .weight_decay = 1e-4}}};
  Images images_{GetParam().batch, GetParam().size, 3, 5};
};

TEST_P(SteadyStep, OfTrainingAllocatesNothing) {
  bool updated = true;
  const auto step = [&] {
    updated &= session_.train({images_.image(), images_.labels()}, {.rate = 0.01F}).updated;
  };
  expect_steady(step);
  EXPECT_TRUE(updated);
}

TEST_P(SteadyStep, OfInferenceAllocatesNothing) {
  float logit = 0;
  const auto step = [&] { logit = session_.run({images_.image()}).values("logits")[0]; };
  expect_steady(step);
  EXPECT_TRUE(std::isfinite(logit));
}

TEST_P(SteadyStep, AllocatesWhatItKeepsInTheFirst) {
  const Counts counts = count([&] { session_.run({images_.image()}); });
  EXPECT_GT(counts.ours, 0);
  EXPECT_GT(counts.large, 0);
}

INSTANTIATE_TEST_SUITE_P(Networks, SteadyStep,
                         ::testing::Values(Network{"resnet8", {32, 32}, 16},
                                           Network{"resnet50", {96, 96}, 2},
                                           Network{"efficientnet_b0", {64, 64}, 2},
                                           Network{"resnet50", {96, 96}, 2, MemoryMode::kLean}),
                         [](const auto& test) { return test.param.name(); });

/// What the steps above have not: two batches of an update, clipping, moments and averages.
TEST(SteadyUpdate, OfAccumulationAdamWAndAveragesAllocatesNothing) {
  void* frame[1];
  backtrace(frame, 1);
  const ops::Pair size = {32, 32};
  Session session(classifier("resnet8", {.input_size = size}),
                  {.optimizer = ops::AdamWOptions{}, .ema_decay = 0.9});
  const Images images(16, size, 3, 5);
  bool updated = true;
  const auto step = [&] {
    for (int part = 0; part < 2; ++part) session.accumulate({images.image(), images.labels()});
    updated &= session.update({.rate = 1e-3F, .clip_norm = 1.0F}).updated;
  };
  expect_steady(step);
  EXPECT_TRUE(updated);
}

TEST(SteadyStepHook, TellsOursFromOthers) {
  const Counts counts = count([] {
    std::vector<char> memory(1000);
    static_cast<volatile char&>(memory[0]) = 1;
  });
  EXPECT_EQ(counts.ours, 1);
  EXPECT_EQ(counts.others, 0);
  const Counts much = count([] {
    std::vector<char> memory(kLarge);
    static_cast<volatile char&>(memory[0]) = 1;
  });
  EXPECT_EQ(much.large, 1);
}

}  // namespace
}  // namespace equipoise::testing
