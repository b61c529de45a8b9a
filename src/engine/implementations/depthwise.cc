/// The weight gradient of a depthwise convolution, where channels lie together: for kernels of 5 ×
/// 5, oneDNN 2.6 has no implementation in blocked layouts but `ref`, and a slow one in
/// channels_last.

#include "engine/simd/depthwise.h"

#include <algorithm>

#include "base/parallel.h"
#include "base/round_up.h"
#include "engine/implementations/implementations.h"
#include "engine/implementations/planes.h"
#include "engine/layout.h"
#include "ops/convolution.h"

namespace equipoise::engine {
namespace {

using Gradient = ConvolutionWeightGradient;

/// Channels of one task: a block, or in channels_last as many as a line of the cache holds.
constexpr std::int64_t kChannels = 16;

class DepthwiseWeightGradient final : public Kernel {
 public:
  DepthwiseWeightGradient(const DepthwiseGeometry& geometry, std::int64_t samples,
                          std::int64_t channels, Layout layout, int threads)
      : geometry_(geometry),
        samples_(samples),
        channels_(channels),
        lanes_(layout == Layout::kChannelsLast ? kChannels : block_of(layout)),
        step_(layout == Layout::kChannelsLast ? channels : lanes_),
        samples_at_once_(samples_of_a_task()),
        padding_(depthwise_padding(geometry)),
        threads_(threads) {}

  std::size_t scratch_bytes() const {
    return static_cast<std::size_t>(tasks() * taps() * lanes_ + threads_ * padding_) *
           sizeof(float);
  }

  void run(const Arguments& arguments) const override {
    const float* const x = arguments.input(Gradient::kX);
    const float* const dy = arguments.input(Gradient::kDY);
    auto* const sums = static_cast<float*>(arguments.scratch);
    const std::int64_t x_positions = geometry_.x_height * geometry_.x_width;
    const std::int64_t y_positions = geometry_.y_height * geometry_.y_width;
    float* const padding = sums + tasks() * taps() * lanes_;
    parallel_for(tasks(), threads_, [&](std::int64_t task, int thread) {
      const std::int64_t block = task % blocks();
      const std::int64_t first = task / blocks() * samples_at_once_;
      float* const of_task = sums + task * taps() * lanes_;
      std::fill_n(of_task, taps() * lanes_, 0.0F);
      for (std::int64_t n = first; n < std::min(first + samples_at_once_, samples_); ++n) {
        depthwise_weight_sums(geometry_, x + offset(n, block, x_positions),
                              dy + offset(n, block, y_positions), step_, stored(block), of_task,
                              padding_ > 0 ? padding + thread * padding_ : nullptr);
      }
    });
    float* const dweight = arguments.output(Gradient::kDWeight);
    parallel_for(blocks(), threads_, [&](std::int64_t block, int) { merge(sums, block, dweight); });
  }

 private:
  std::int64_t blocks() const { return ceil_div(channels_, lanes_); }
  std::int64_t taps() const { return geometry_.kernel_height * geometry_.kernel_width; }
  std::int64_t real(std::int64_t block) const {
    return std::min(lanes_, channels_ - block * lanes_);
  }
  /// Also of padding, which channels_last has none of.
  std::int64_t stored(std::int64_t block) const { return step_ == lanes_ ? lanes_ : real(block); }
  std::int64_t offset(std::int64_t n, std::int64_t block, std::int64_t positions) const {
    return step_ == lanes_ ? (n * blocks() + block) * positions * lanes_
                           : n * positions * channels_ + block * lanes_;
  }
  std::int64_t tasks() const { return ceil_div(samples_, samples_at_once_) * blocks(); }
  /// Some tens of tasks, whatever the number of threads, so that sums are always the same; of no
  /// more pixels than f32 adds up well.
  std::int64_t samples_of_a_task() const {
    constexpr std::int64_t kTasks = 64;
    constexpr std::int64_t kPixels = 4096;
    const std::int64_t pixels = geometry_.y_height * geometry_.y_width;
    return std::clamp<std::int64_t>(
        std::min(samples_ * blocks() / kTasks, kPixels / std::max<std::int64_t>(pixels, 1)), 1,
        std::max<std::int64_t>(samples_, 1));
  }

  void merge(const float* sums, std::int64_t block, float* dweight) const {
    for (std::int64_t c = 0; c < real(block); ++c) {
      for (std::int64_t k = 0; k < taps(); ++k) {
        double sum = 0;
        for (std::int64_t task = block; task < tasks(); task += blocks()) {
          sum += static_cast<double>(sums[task * taps() * lanes_ + k * stored(block) + c]);
        }
        dweight[(block * lanes_ + c) * taps() + k] = static_cast<float>(sum);
      }
    }
  }

  DepthwiseGeometry geometry_;
  std::int64_t samples_, channels_, lanes_, step_;
  std::int64_t samples_at_once_;
  std::int64_t padding_;  // floats of a thread
  int threads_;
};

}  // namespace

Answer depthwise_weight_gradient(const NodeContext& node) {
  const auto& operation = static_cast<const Gradient&>(*node.node.operation);
  const ops::ConvolutionOptions& options = operation.options();
  const Shape& x = node.input(Gradient::kX);
  const Shape& dy = node.input(Gradient::kDY);
  if (options.groups != x.channels() || dy.channels() != x.channels()) return "it is not depthwise";
  if (node.has_output(Gradient::kDBias)) return "it has a bias";
  if (!has_depthwise_loop(operation.kernel()[1])) return "its kernel is not 3, 5 or 7 wide";
  if (node.preferred == Layout::kChannelsFirst) return "channels do not lie together";
  const DepthwiseGeometry geometry{.x_height = x[2],
                                   .x_width = x[3],
                                   .y_height = dy[2],
                                   .y_width = dy[3],
                                   .kernel_height = operation.kernel()[0],
                                   .kernel_width = operation.kernel()[1],
                                   .stride_height = options.stride[0],
                                   .stride_width = options.stride[1],
                                   .dilation_height = options.dilation[0],
                                   .dilation_width = options.dilation[1],
                                   .top = options.padding.top,
                                   .left = options.padding.left};
  auto kernel = std::make_unique<DepthwiseWeightGradient>(geometry, x.samples(), x.channels(),
                                                          node.preferred, node.threads);
  const std::size_t scratch_bytes = kernel->scratch_bytes();
  Proposal proposal = in_layout(node, {.layout = node.preferred}, std::move(kernel));
  proposal.outputs[Gradient::kDWeight] = {};
  proposal.scratch_bytes = scratch_bytes;
  return proposal;
}

}  // namespace equipoise::engine
