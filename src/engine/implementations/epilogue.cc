#include "engine/implementations/epilogue.h"

#include <algorithm>
#include <utility>

#include "base/parallel.h"
#include "engine/layout.h"
#include "engine/nest.h"
#include "engine/simd/function.h"
#include "ops/function.h"

namespace equipoise::engine {
namespace {

/// All of y's memory, padding too.
template <class Body>
void for_chunks(const EpilogueTarget& target, const Body& body) {
  parallel_for_chunks(storage_elements(target.y, target.layout), kTileElements, target.threads,
                      [&](std::int64_t first, std::int64_t last) { body(first, last - first); });
}

class OntoResidual final : public Kernel {
 public:
  OntoResidual(std::unique_ptr<const Kernel> kernel, const EpilogueTarget& target)
      : kernel_(std::move(kernel)), target_(target) {}

  void run(const Arguments& arguments) const override {
    const auto* const residual = arguments.input(Convolution::kResidual);
    auto* const y = arguments.output(0);
    if (residual != y) {
      for_chunks(target_, [&](std::int64_t first, std::int64_t count) {
        std::copy_n(residual + first, count, y + first);
      });
    }
    kernel_->run(arguments);
  }
  std::unique_ptr<KernelState> make_state() const override { return kernel_->make_state(); }

 private:
  std::unique_ptr<const Kernel> kernel_;
  EpilogueTarget target_;
};

class FollowedBy final : public Kernel {
 public:
  FollowedBy(std::unique_ptr<const Kernel> kernel, const Epilogue& epilogue,
             const EpilogueTarget& target)
      : kernel_(std::move(kernel)), epilogue_(epilogue), target_(target) {}

  void run(const Arguments& arguments) const override {
    kernel_->run(arguments);
    const auto* const residual = arguments.input(Convolution::kResidual);
    auto* const y = arguments.output(0);
    for_chunks(target_, [&](std::int64_t first, std::int64_t count) {
      if (residual != nullptr) {
        for (std::int64_t i = first; i < first + count; ++i) y[i] += residual[i];
      }
      if (epilogue_.function) {
        apply(*epilogue_.function, epilogue_.negative_slope, y + first, y + first, count);
      }
    });
    if (epilogue_.function && value_of(*epilogue_.function, 0, 0) != 0) {
      zero_padding(y, target_.y, target_.layout, target_.threads);
    }
  }
  std::unique_ptr<KernelState> make_state() const override { return kernel_->make_state(); }

 private:
  std::unique_ptr<const Kernel> kernel_;
  Epilogue epilogue_;
  EpilogueTarget target_;
};

}  // namespace

std::unique_ptr<const Kernel> onto_residual(std::unique_ptr<const Kernel> kernel,
                                            const EpilogueTarget& target) {
  return std::make_unique<OntoResidual>(std::move(kernel), target);
}

std::unique_ptr<const Kernel> followed_by(std::unique_ptr<const Kernel> kernel,
                                          const Epilogue& epilogue, const EpilogueTarget& target) {
  return std::make_unique<FollowedBy>(std::move(kernel), epilogue, target);
}

}  // namespace equipoise::engine
