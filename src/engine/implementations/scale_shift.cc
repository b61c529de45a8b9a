/// One factor and one summand per channel of each sample, in any layout of images.

#include "ops/scale_shift.h"

#include <algorithm>

#include "base/parallel.h"
#include "base/round_up.h"
#include "engine/implementations/implementations.h"
#include "engine/implementations/planes.h"
#include "engine/implementations/rows.h"
#include "engine/simd/scale_shift.h"

namespace equipoise::engine {
namespace {

class Modulate final : public Kernel {
 public:
  Modulate(const Planes& x, float factor, int threads)
      : x_(x), factor_(factor), threads_(threads) {}

  void run(const Arguments& arguments) const override {
    const auto* const x = arguments.input(ScaleShift::kX);
    const auto* const scale = arguments.input(ScaleShift::kScale);
    const auto* const shift = arguments.input(ScaleShift::kShift);
    auto* const y = arguments.output(0);
    const std::int64_t rows = rows_per_task(x_.lanes);
    const std::int64_t parts = ceil_div(x_.positions, rows);
    parallel_for_chunks(
        x_.planes * parts, rows_per_task(std::min(rows, x_.positions) * x_.lanes), threads_,
        [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t task = begin; task < end; ++task) {
            const std::int64_t plane = task / parts;
            const std::int64_t first = task % parts * rows;
            const std::int64_t count = std::min(rows, x_.positions - first);
            const std::int64_t offset = plane * x_.plane_size() + first * x_.lanes;
            if (x_.lanes == 1) {
              scale_shift_row(x + offset, scale[plane], factor_ * shift[plane], y + offset, count);
            } else {
              scale_shift_rows(x + offset, scale + plane * x_.lanes, shift + plane * x_.lanes,
                               factor_, y + offset, count, x_.lanes);
            }
          }
        });
  }

 private:
  Planes x_;
  float factor_;
  int threads_;
};

}  // namespace

Answer scale_shift(const NodeContext& node) {
  const Format format = activation_format(node, ScaleShift::kX);
  const auto& operation = static_cast<const ScaleShift&>(*node.node.operation);
  Proposal proposal =
      in_layout(node, format,
                std::make_unique<Modulate>(planes_of(node.input(ScaleShift::kX), format.layout),
                                           static_cast<float>(operation.factor()), node.threads));
  proposal.in_place = {{0, ScaleShift::kX}};
  return proposal;
}

}  // namespace equipoise::engine
