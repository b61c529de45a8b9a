/// Max pooling in any layout of images.

#include "ops/max_pool.h"

#include <cstdint>
#include <cstring>
#include <limits>

#include "engine/implementations/implementations.h"
#include "engine/implementations/lanes.h"
#include "engine/implementations/pool_windows.h"

namespace equipoise::engine {
namespace {

/// A NaN takes the place of anything.
template <class Values>
auto takes(const Values& value, const Values& largest) {
  return (value > largest) | (value != value);  // NOLINT(misc-redundant-expression)
}

constexpr float kLowest = -std::numeric_limits<float>::infinity();

class Forward final : public Kernel {
 public:
  explicit Forward(PoolWindows windows) : windows_(std::move(windows)) {}

  void run(const Arguments& arguments) const override {
    windows_.for_each(arguments.input(0), arguments.output(0),
                      [this](const PoolField& window, const float* x, float* y, auto count) {
                        using Of = Lanes<count()>;
                        typename Of::Values largest[Of::kParts];
                        for (auto& part : largest) part = typename Of::Values{} + kLowest;
                        for (std::int64_t row = window.top; row < window.bottom; ++row) {
                          for (std::int64_t column = window.left; column < window.right; ++column) {
                            const float* values =
                                x + (row * windows_.width() + column) * windows_.lanes();
                            for (int k = 0; k < Of::kParts; ++k) {
                              const auto value = load<typename Of::Values>(values, k);
                              largest[k] = takes(value, largest[k]) ? value : largest[k];
                            }
                          }
                        }
                        std::memcpy(y, largest, sizeof(largest));
                      });
  }

 private:
  PoolWindows windows_;
};

class Gradient final : public Kernel {
 public:
  explicit Gradient(PoolWindows windows) : windows_(std::move(windows)) {}

  void run(const Arguments& arguments) const override {
    const float* const x = arguments.input(MaxPoolGradient::kX);
    const float* const dy = arguments.input(MaxPoolGradient::kDY);
    float* const dx = arguments.output(0);
    windows_.for_each_in_turn(
        dx, [&](const PoolField& window, std::int64_t in_x, std::int64_t in_y, auto count) {
          const auto position = [&](std::int64_t row, std::int64_t column) {
            return static_cast<std::int32_t>(row * windows_.width() + column);
          };
          // If all are −∞, the first one is the largest.
          using Of = Lanes<count()>;
          typename Of::Values largest[Of::kParts];
          typename Of::Places places[Of::kParts];
          for (int k = 0; k < Of::kParts; ++k) {
            largest[k] = typename Of::Values{} + kLowest;
            places[k] = typename Of::Places{} + position(window.top, window.left);
          }
          for (std::int64_t row = window.top; row < window.bottom; ++row) {
            for (std::int64_t column = window.left; column < window.right; ++column) {
              const std::int32_t here = position(row, column);
              const float* values = x + in_x + here * windows_.lanes();
              for (int k = 0; k < Of::kParts; ++k) {
                const auto value = load<typename Of::Values>(values, k);
                const auto larger = takes(value, largest[k]);
                largest[k] = larger ? value : largest[k];
                places[k] = larger ? typename Of::Places{} + here : places[k];
              }
            }
          }
          std::int32_t where[count()];
          std::memcpy(where, places, sizeof(where));
          for (int i = 0; i < count(); ++i) {
            dx[in_x + where[i] * windows_.lanes() + i] += dy[in_y + i];
          }
        });
  }

 private:
  PoolWindows windows_;
};

}  // namespace

Answer max_pool(const NodeContext& node) {
  const auto& operation = static_cast<const MaxPool&>(*node.node.operation);
  const Format format = activation_format(node, 0);
  return in_layout(
      node, format,
      std::make_unique<Forward>(PoolWindows(operation.options(), node.input(0), node.output(0),
                                            format.layout, node.threads)));
}

Answer max_pool_gradient(const NodeContext& node) {
  const auto& operation = static_cast<const MaxPoolGradient&>(*node.node.operation);
  const Shape& x = node.input(MaxPoolGradient::kX);
  if (x.positions() > std::numeric_limits<std::int32_t>::max()) {
    return "an image has more positions than 32 bits count";
  }
  const Format format = activation_format(node, MaxPoolGradient::kX);
  return in_layout(
      node, format,
      std::make_unique<Gradient>(PoolWindows(
          operation.options(), x, node.input(MaxPoolGradient::kDY), format.layout, node.threads)));
}

}  // namespace equipoise::engine
