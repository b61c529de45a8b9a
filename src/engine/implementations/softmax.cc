/// Softmax and log-softmax of row-major rows.

#include "ops/softmax.h"

#include <array>
#include <cmath>
#include <limits>

#include "base/parallel.h"
#include "engine/implementations/implementations.h"
#include "engine/implementations/planes.h"
#include "engine/implementations/rows.h"
#include "ops/log_softmax.h"

namespace equipoise::engine {
namespace {

/// A tensor as rows, its last dimension.
struct Rows {
  std::int64_t count;
  std::int64_t length;
  int threads;

  Rows(const Shape& shape, int used_threads)
      : count(shape.element_count() / shape[shape.rank() - 1]),
        length(shape[shape.rank() - 1]),
        threads(used_threads) {}

  /// Calls visit(row, where it begins).
  template <class Visit>
  void for_each(const Visit& visit) const {
    parallel_for_chunks(count, rows_per_task(length), threads,
                        [&](std::int64_t first, std::int64_t last) {
                          for (std::int64_t row = first; row < last; ++row)
                            visit(row, row * length);
                        });
  }
};

/// The rows of a mask that broadcasts to x.
class MaskRows {
 public:
  MaskRows(const Shape& mask, const Shape& x) : rank_(x.rank() - 1) {
    std::int64_t stride = 1;
    for (int d = x.rank() - 1; d >= 0; --d) {
      const int in_mask = d - (x.rank() - mask.rank());
      const std::int64_t size = in_mask < 0 ? 1 : mask[in_mask];
      (d == rank_ ? step_ : strides_[static_cast<std::size_t>(d)]) = size == 1 ? 0 : stride;
      sizes_[static_cast<std::size_t>(d)] = x[d];
      stride *= size;
    }
  }

  std::int64_t offset(std::int64_t row) const {
    std::int64_t offset = 0;
    for (int d = rank_; d-- > 0;) {
      const auto i = static_cast<std::size_t>(d);
      offset += row % sizes_[i] * strides_[i];
      row /= sizes_[i];
    }
    return offset;
  }
  /// From one element of a row to the next: 0 or 1.
  std::int64_t step() const { return step_; }

 private:
  int rank_;
  std::int64_t step_ = 0;
  std::array<std::int64_t, Shape::kMaxRank> sizes_ = {};
  std::array<std::int64_t, Shape::kMaxRank> strides_ = {};
};

void scale(float* row, float factor, std::int64_t length) {
  for (std::int64_t i = 0; i < length; ++i) row[i] *= factor;
}

class SoftmaxForward final : public Kernel {
 public:
  explicit SoftmaxForward(const Rows& rows) : rows_(rows) {}

  void run(const Arguments& arguments) const override {
    rows_.for_each([&](std::int64_t /*row*/, std::int64_t begin) {
      const float* x = arguments.input(Softmax::kX) + begin;
      float* y = arguments.output(0) + begin;
      exponentials(x, largest_of(x, rows_.length), y, rows_.length);
      const double sum = sum_of(rows_.length, [&](std::int64_t i) { return y[i]; });
      scale(y, static_cast<float>(1 / sum), rows_.length);
    });
  }

 private:
  Rows rows_;
};

class MaskedSoftmaxForward final : public Kernel {
 public:
  MaskedSoftmaxForward(const Rows& rows, const MaskRows& mask) : rows_(rows), mask_(mask) {}

  void run(const Arguments& arguments) const override {
    rows_.for_each([&](std::int64_t row, std::int64_t begin) {
      masked(arguments.input(Softmax::kX) + begin,
             arguments.input(Softmax::kMask) + mask_.offset(row), arguments.output(0) + begin);
    });
  }

 private:
  void masked(const float* x, const float* mask, float* y) const {
    constexpr float kNone = -std::numeric_limits<float>::infinity();
    const auto counts = [&](std::int64_t i) { return mask[i * mask_.step()] != 0; };
    for (std::int64_t i = 0; i < rows_.length; ++i) y[i] = counts(i) ? x[i] : kNone;
    const float largest = largest_of(y, rows_.length);
    exponentials(y, largest, y, rows_.length);
    // Of a row without any the exponentials are NaN, as is what they are divided by.
    const auto share =
        static_cast<float>(1 / sum_of(rows_.length, [&](std::int64_t i) { return y[i]; }));
    for (std::int64_t i = 0; i < rows_.length; ++i) y[i] = counts(i) ? y[i] * share : 0.0F;
  }

  Rows rows_;
  MaskRows mask_;
};

class SoftmaxBackward final : public Kernel {
 public:
  explicit SoftmaxBackward(const Rows& rows) : rows_(rows) {}

  void run(const Arguments& arguments) const override {
    rows_.for_each([&](std::int64_t /*row*/, std::int64_t begin) {
      const float* y = arguments.input(SoftmaxGradient::kY) + begin;
      const float* dy = arguments.input(SoftmaxGradient::kDY) + begin;
      float* dx = arguments.output(0) + begin;
      const auto sum = static_cast<float>(sum_of(rows_.length, [&](std::int64_t i) {
        return static_cast<double>(dy[i]) * static_cast<double>(y[i]);
      }));
      for (std::int64_t i = 0; i < rows_.length; ++i) dx[i] = y[i] * (dy[i] - sum);
    });
  }

 private:
  Rows rows_;
};

class LogSoftmaxForward final : public Kernel {
 public:
  explicit LogSoftmaxForward(const Rows& rows) : rows_(rows) {}

  void run(const Arguments& arguments) const override {
    rows_.for_each([&](std::int64_t /*row*/, std::int64_t begin) {
      const float* x = arguments.input(0) + begin;
      float* y = arguments.output(0) + begin;
      const float largest = largest_of(x, rows_.length);
      const auto log_sum =
          static_cast<float>(std::log(sum_of_exponentials(x, largest, rows_.length)));
      for (std::int64_t i = 0; i < rows_.length; ++i) y[i] = (x[i] - largest) - log_sum;
    });
  }

 private:
  Rows rows_;
};

class LogSoftmaxBackward final : public Kernel {
 public:
  explicit LogSoftmaxBackward(const Rows& rows) : rows_(rows) {}

  void run(const Arguments& arguments) const override {
    rows_.for_each([&](std::int64_t /*row*/, std::int64_t begin) {
      const float* y = arguments.input(LogSoftmaxGradient::kY) + begin;
      const float* dy = arguments.input(LogSoftmaxGradient::kDY) + begin;
      float* dx = arguments.output(0) + begin;
      const auto sum =
          static_cast<float>(sum_of(rows_.length, [&](std::int64_t i) { return dy[i]; }));
      for (std::int64_t i = 0; i < rows_.length; ++i) dx[i] = dy[i] - exponential(y[i]) * sum;
    });
  }

 private:
  Rows rows_;
};

}  // namespace

Answer softmax(const NodeContext& node) {
  const Shape& x = node.input(Softmax::kX);
  const Rows rows(x, node.threads);
  std::unique_ptr<const Kernel> kernel;
  if (node.has_input(Softmax::kMask)) {
    kernel = std::make_unique<MaskedSoftmaxForward>(rows, MaskRows(node.input(Softmax::kMask), x));
  } else {
    kernel = std::make_unique<SoftmaxForward>(rows);
  }
  Proposal proposal = in_layout(node, {}, std::move(kernel));
  proposal.in_place = {{0, Softmax::kX}};
  return proposal;
}

Answer softmax_gradient(const NodeContext& node) {
  Proposal proposal =
      in_layout(node, {}, std::make_unique<SoftmaxBackward>(Rows(node.output(0), node.threads)));
  proposal.in_place = {{0, SoftmaxGradient::kDY}, {0, SoftmaxGradient::kY}};
  return proposal;
}

Answer log_softmax(const NodeContext& node) {
  Proposal proposal =
      in_layout(node, {}, std::make_unique<LogSoftmaxForward>(Rows(node.output(0), node.threads)));
  proposal.in_place = {{0, 0}};
  return proposal;
}

Answer log_softmax_gradient(const NodeContext& node) {
  Proposal proposal =
      in_layout(node, {}, std::make_unique<LogSoftmaxBackward>(Rows(node.output(0), node.threads)));
  proposal.in_place = {{0, LogSoftmaxGradient::kDY}, {0, LogSoftmaxGradient::kY}};
  return proposal;
}

}  // namespace equipoise::engine
