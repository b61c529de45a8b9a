// Once warm, a call with a record and a workspace of its own allocates nothing.

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "equipoise/runtime.h"
#include "norm/methods.h"
#include "norm/record.h"
#include "norm/targets.h"

namespace {

std::atomic<int> allocations{0};

void* allocate(std::size_t bytes, std::size_t alignment) {
  ++allocations;
  // aligned_alloc wants a multiple of the alignment.
  const std::size_t padded = (bytes / alignment + 1) * alignment;
  void* memory = std::aligned_alloc(alignment, padded);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// The other forms, for arrays and without exceptions, call these. Not inlined, or the compiler sees
// `free` of what comes from `new`.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  return allocate(bytes, alignof(std::max_align_t));
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace equipoise::testing {
namespace {

/// Buffers, record and workspace of one case.
class Step {
 public:
  explicit Step(const Case& test)
      : test_(test),
        problem_(make_problem(test)),
        x_(input(problem_.arguments.x)),
        dy_(input(problem_.dy_first)),
        y_(test.shape, test.layout, test.dtype),
        dx_(y_),
        dresidual_(y_),
        dweight_(static_cast<std::size_t>(parameter_count(test))),
        dbias_(dweight_) {
    if (test.residual) residual_ = input(problem_.arguments.residual);
    if (test.sample_moments) {
      sample_moments_.resize(
          static_cast<std::size_t>(test.shape.samples() * test.shape.channels()));
    }
  }

  void forward() { forward(&record_); }
  void backward() {
    norm_backward({.x = x_.view(),
                   .dy = dy_.view(),
                   .dy_second = {},
                   .dx = dx_.view(),
                   .dresidual = test_.residual ? dresidual_.view() : TensorView{},
                   .residual = test_.residual ? residual_.view() : ConstTensorView{},
                   .weight = problem_.weight,
                   .bias = problem_.bias,
                   .position_weights = problem_.position_weights,
                   .dweight = dweight_,
                   .dbias = dbias_,
                   .workspace = &workspace_},
                  record_);
  }
  bool has_inference() const {
    return test_.method.normalization != Normalization::kBatch ||
           (test_.method.statistics == Statistics::kRunning && !test_.method.collect_moments);
  }
  void inference() { forward(nullptr); }
  void renew_workspace() { workspace_ = Workspace(); }

  /// Memory that does not come from operator new.
  std::size_t scratch() const { return workspace_.capacity(); }
  const std::byte* bits() const { return norm::Internals::of(record_).bits.data(); }

 private:
  TensorBuffer input(const Array& values) const {
    return TensorBuffer(values, test_.shape, test_.layout, test_.dtype);
  }
  void forward(NormRecord* record) {
    call_forward(test_.method, problem_,
                 {.x = x_.view(),
                  .y = y_.view(),
                  .weight = problem_.weight,
                  .bias = problem_.bias,
                  .epsilon = test_.epsilon,
                  .activation = test_.activation,
                  .residual = test_.residual ? residual_.view() : ConstTensorView{},
                  .position_weights = problem_.position_weights,
                  .sample_moments = sample_moments_,
                  .workspace = &workspace_},
                 record);
  }

  Case test_;
  Problem problem_;
  TensorBuffer x_, residual_, dy_, y_, dx_, dresidual_;
  std::vector<float> dweight_, dbias_;
  std::vector<Moments> sample_moments_;
  NormRecord record_;
  Workspace workspace_;
};

/// The first call alone has to be warm-up enough.
template <class Call>
void expect_steady(const char* what, Step& step, const Call& call) {
  call();
  const std::size_t scratch = step.scratch();
  const std::byte* bits = step.bits();
  const int before = allocations;
  for (int i = 0; i < 3; ++i) call();
  const int after = allocations;
  EXPECT_EQ(after, before) << what;
  EXPECT_EQ(step.scratch(), scratch) << what;
  EXPECT_EQ(step.bits(), bits) << what;
}

void expect_steady(const Case& test) {
  SCOPED_TRACE(describe(test));
  Step step(test);
  for (const int threads : {1, 2}) {
    set_num_threads(threads);
    step.renew_workspace();
    expect_steady("forward", step, [&] { step.forward(); });
    expect_steady("backward", step, [&] { step.backward(); });
    expect_steady("step", step, [&] {
      step.forward();
      step.backward();
    });
    if (!step.has_inference()) continue;
    step.renew_workspace();
    expect_steady("inference", step, [&] { step.inference(); });
  }
}

std::vector<Method> methods() {
  std::vector<Method> all = plain_methods();
  all.push_back({.statistics = Statistics::kRunning});
  all.push_back({.statistics = Statistics::kBlend});
  all.push_back({.ghost_batch_size = 4});
  all.push_back({.renorm = true});
  return all;
}

TEST(SteadyState, AllocatesNothing) {
  const RuntimeGuard guard;
  for (const Method& method : methods()) {
    for (const Layout layout : kLayouts) {
      // More than a thread's least share of work.
      const Case plain{.method = method, .shape = {8, 16, 24, 24}, .layout = layout};
      Case residual = plain;
      residual.activation = Activation::kRelu;
      residual.residual = true;
      expect_steady(residual);
      if (method.is_row_wise()) continue;
      Case masked = plain;
      masked.weighting = Weighting::kMask;
      masked.sample_moments = method.statistics != Statistics::kRunning;
      expect_steady(masked);
    }
  }
}

// Small planes of group normalization go by rows.
TEST(SteadyState, OfSmallPlanesAllocatesNothing) {
  const RuntimeGuard guard;
  expect_steady({.method = {.normalization = Normalization::kGroup, .groups = 4},
                 .shape = {64, 32, 8, 8},
                 .activation = Activation::kSilu,
                 .residual = true,
                 .sample_moments = true});
}

// Per channel a backward keeps four sums in f64, 32 bytes beside the 8 of two samples; per thread,
// sums and coefficients of a slab: 8192 lanes of 72 bytes. Buffers come in units of 2 MiB. With
// sums and coefficients for the lanes of 16 rows, it would be a hundred tensors.
TEST(Scratch, OfWideRowsIsASmallMultipleOfTheTensor) {
  const RuntimeGuard guard;
  struct Wide {
    Shape shape;
    Layout layout;
    std::size_t multiple;
  };
  for (const Wide& wide :
       {Wide{{2, 100003}, Layout::kChannelsFirst, 8}, Wide{{2, 100003}, Layout::kChannelsLast, 8},
        Wide{{2, 100003, 2}, Layout::kChannelsLast, 4},
        Wide{{64, 20531}, Layout::kChannelsFirst, 1}, Wide{{64, 20531}, Layout::kChannelsLast, 1},
        Wide{{64, 20531, 2}, Layout::kChannelsLast, 1}}) {
    for (const Weighting weighting : {Weighting::kNone, Weighting::kMask}) {
      Case test{.shape = wide.shape, .layout = wide.layout, .residual = true};
      test.activation = Activation::kRelu;
      test.weighting = weighting;
      Step step(test);
      for (const int threads : {1, 2, 8}) {
        SCOPED_TRACE(describe(test) + " threads=" + std::to_string(threads));
        set_num_threads(threads);
        step.renew_workspace();
        step.forward();
        step.backward();
        const auto tensor = static_cast<std::size_t>(wide.shape.element_count()) * sizeof(float);
        EXPECT_LT(step.scratch(),
                  wide.multiple * tensor + (static_cast<std::size_t>(threads) << 20U));
      }
    }
  }
}

}  // namespace
}  // namespace equipoise::testing
