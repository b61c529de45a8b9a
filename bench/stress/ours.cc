#include "stress/ours.h"

#include "equipoise/norm.h"

namespace equipoise::bench {
namespace {

// A tensor in a layout, and the way from and to (N, C, S).
class Tensor {
 public:
  Tensor(const Problem& problem, Layout layout)
      : shape_{problem.samples, problem.channels, problem.positions},
        layout_(layout),
        data_(static_cast<std::size_t>(storage_elements(shape_, layout))) {}

  void set(const Problem& p, const std::vector<float>& values) {
    each(p, [&](std::size_t textbook, float& here) { here = values[textbook]; });
  }
  std::vector<double> get(const Problem& p) {
    std::vector<double> values(p.x.size());
    each(p,
         [&](std::size_t textbook, float& here) { values[textbook] = static_cast<double>(here); });
    return values;
  }
  TensorView view() {
    return {.data = data_.data(), .shape = shape_, .layout = layout_, .dtype = DType::kF32};
  }

 private:
  std::int64_t offset(std::int64_t n, std::int64_t c, std::int64_t s) const {
    const std::int64_t channels = shape_.channels();
    const std::int64_t positions = shape_.positions();
    switch (layout_) {
      case Layout::kChannelsFirst:
        return (n * channels + c) * positions + s;
      case Layout::kChannelsLast:
        return (n * positions + s) * channels + c;
      case Layout::kBlocked8:
      case Layout::kBlocked16:
        break;
    }
    const std::int64_t block = layout_ == Layout::kBlocked8 ? 8 : 16;
    const std::int64_t blocks = (channels + block - 1) / block;
    return ((n * blocks + c / block) * positions + s) * block + c % block;
  }

  template <class Visit>
  void each(const Problem& p, Visit&& visit) {
    for (std::int64_t n = 0; n < p.samples; ++n) {
      for (std::int64_t c = 0; c < p.channels; ++c) {
        for (std::int64_t s = 0; s < p.positions; ++s) {
          visit(p.offset(n, c, s), data_[static_cast<std::size_t>(offset(n, c, s))]);
        }
      }
    }
  }

  Shape shape_;
  Layout layout_;
  std::vector<float> data_;
};

}  // namespace

Solution our_batch_norm(const Problem& p, Layout layout) {
  Tensor x(p, layout);
  Tensor dy(p, layout);
  Tensor y(p, layout);
  Tensor dx(p, layout);
  x.set(p, p.x);
  dy.set(p, p.dy);
  std::vector<float> dweight(p.weight.size());
  std::vector<float> dbias(p.bias.size());

  NormForward forward;
  forward.x = x.view();
  forward.y = y.view();
  forward.weight = p.weight;
  forward.bias = p.bias;
  forward.epsilon = p.epsilon;
  NormRecord record;
  batch_norm(forward, {}, &record);

  NormBackward backward;
  backward.x = x.view();
  backward.dy = dy.view();
  backward.dx = dx.view();
  backward.weight = p.weight;
  backward.bias = p.bias;
  backward.dweight = dweight;
  backward.dbias = dbias;
  norm_backward(backward, record);

  Solution out{.variance = {}, .y = y.get(p), .dx = dx.get(p)};
  for (const Moments& m : record.moments()) out.variance.push_back(m.variance());
  return out;
}

}  // namespace equipoise::bench
