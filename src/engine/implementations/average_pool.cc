/// Average pooling in any layout of images.

#include "ops/average_pool.h"

#include "engine/implementations/implementations.h"
#include "engine/implementations/pool_windows.h"

namespace equipoise::engine {
namespace {

/// By how much a sum over a window is divided.
double count_of(const PoolField& window, const ops::PoolOptions& options) {
  return static_cast<double>(options.count_padding
                                 ? options.kernel[0] * options.kernel[1]
                                 : (window.bottom - window.top) * (window.right - window.left));
}

class Forward final : public Kernel {
 public:
  Forward(const ops::PoolOptions& options, PoolWindows windows)
      : options_(options), windows_(std::move(windows)) {}

  void run(const Arguments& arguments) const override {
    windows_.for_each(arguments.input(0), arguments.output(0),
                      [this](const PoolField& window, const float* x, float* y, auto count) {
                        // A window may be as large as an image: too many for a sum in f32.
                        double sums[count()] = {};
                        for (std::int64_t row = window.top; row < window.bottom; ++row) {
                          for (std::int64_t column = window.left; column < window.right; ++column) {
                            const float* values =
                                x + (row * windows_.width() + column) * windows_.lanes();
                            for (int i = 0; i < count(); ++i)
                              sums[i] += static_cast<double>(values[i]);
                          }
                        }
                        const double share = 1 / count_of(window, options_);
                        for (int i = 0; i < count(); ++i)
                          y[i] = static_cast<float>(sums[i] * share);
                      });
  }

 private:
  ops::PoolOptions options_;
  PoolWindows windows_;
};

class Gradient final : public Kernel {
 public:
  Gradient(const ops::PoolOptions& options, PoolWindows windows)
      : options_(options), windows_(std::move(windows)) {}

  void run(const Arguments& arguments) const override {
    const float* const dy = arguments.input(0);
    float* const dx = arguments.output(0);
    windows_.for_each_in_turn(
        dx, [&](const PoolField& window, std::int64_t in_x, std::int64_t in_y, auto count) {
          const auto share = static_cast<float>(1 / count_of(window, options_));
          float shares[count()];
          for (int i = 0; i < count(); ++i) shares[i] = share * dy[in_y + i];
          for (std::int64_t row = window.top; row < window.bottom; ++row) {
            for (std::int64_t column = window.left; column < window.right; ++column) {
              float* values = dx + in_x + (row * windows_.width() + column) * windows_.lanes();
              for (int i = 0; i < count(); ++i) values[i] += shares[i];
            }
          }
        });
  }

 private:
  ops::PoolOptions options_;
  PoolWindows windows_;
};

}  // namespace

Answer average_pool(const NodeContext& node) {
  const auto& operation = static_cast<const AveragePool&>(*node.node.operation);
  const Format format = activation_format(node, 0);
  return in_layout(
      node, format,
      std::make_unique<Forward>(operation.options(),
                                PoolWindows(operation.options(), node.input(0), node.output(0),
                                            format.layout, node.threads)));
}

Answer average_pool_gradient(const NodeContext& node) {
  const auto& operation = static_cast<const AveragePoolGradient&>(*node.node.operation);
  const Format format = gradient_format(node, 0);
  return in_layout(
      node, format,
      std::make_unique<Gradient>(operation.options(),
                                 PoolWindows(operation.options(), node.output(0), node.input(0),
                                             format.layout, node.threads)));
}

}  // namespace equipoise::engine
