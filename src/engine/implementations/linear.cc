/// Products of row-major matrices by oneDNN.

#include "ops/linear.h"

#include <fmt/format.h>

#include "base/parallel.h"
#include "engine/implementations/implementations.h"
#include "engine/onednn/primitive_kernel.h"
#include "ops/matmul.h"

namespace equipoise::engine {
namespace {

using onednn::Desc;
using onednn::Dims;
using onednn::PrimitiveKernel;
using Binding = PrimitiveKernel::Binding;

/// A row-major tensor, seen with its last two dimensions exchanged.
Desc transposed(Dims dims) {
  Dims strides(dims.size(), 1);
  for (std::size_t i = dims.size(); i-- > 1;) strides[i - 1] = strides[i] * dims[i];
  const std::size_t last = dims.size() - 1;
  std::swap(dims[last], dims[last - 1]);
  std::swap(strides[last], strides[last - 1]);
  return {dims, dnnl::memory::data_type::f32, strides};
}

/// (…, columns) as a matrix.
Dims rows_of(const Shape& shape) {
  const std::int64_t columns = shape[shape.rank() - 1];
  return {columns == 0 ? 0 : shape.element_count() / columns, columns};
}

struct Product {
  Desc a, b, c;
  int a_index, b_index;
  Desc bias = {};
  int bias_index = -1;
};

Answer product(const NodeContext& node, const Product& p) {
  const auto desc = onednn::matmul(p.a, p.b, p.bias, p.c);
  if (!desc) return "oneDNN has none for these shapes";
  Proposal proposal;
  proposal.inputs.resize(node.node.inputs.size());
  proposal.outputs.resize(node.node.outputs.size());
  proposal.detail = desc->impl_info_str();
  proposal.scratch_bytes = desc->scratchpad_desc().get_size();
  std::vector<Binding> bindings = {{DNNL_ARG_SRC, p.a, false, p.a_index},
                                   {DNNL_ARG_WEIGHTS, p.b, false, p.b_index},
                                   {DNNL_ARG_DST, p.c, true, 0}};
  if (p.bias_index >= 0) bindings.push_back({DNNL_ARG_BIAS, p.bias, false, p.bias_index});
  proposal.kernel = std::make_unique<PrimitiveKernel>(dnnl::matmul(*desc), std::move(bindings),
                                                      desc->scratchpad_desc());
  return proposal;
}

/// dweight by a product, dbias as sums of columns.
class WeightGradient final : public Kernel {
 public:
  WeightGradient(std::unique_ptr<const Kernel> weight, Dims dy, int threads)
      : weight_(std::move(weight)), rows_(dy[0]), columns_(dy[1]), threads_(threads) {}

  void run(const Arguments& arguments) const override {
    weight_->run(arguments);
    const auto* dy = arguments.input(LinearWeightGradient::kDY);
    auto* dbias = arguments.output(LinearWeightGradient::kDBias);
    constexpr std::int64_t kColumns = 64;
    parallel_for_chunks(columns_, kColumns, threads_, [&](std::int64_t first, std::int64_t last) {
      double sums[kColumns] = {};
      for (std::int64_t r = 0; r < rows_; ++r) {
        for (std::int64_t c = first; c < last; ++c) {
          sums[c - first] += static_cast<double>(dy[r * columns_ + c]);
        }
      }
      for (std::int64_t c = first; c < last; ++c) dbias[c] = static_cast<float>(sums[c - first]);
    });
  }
  std::unique_ptr<KernelState> make_state() const override { return weight_->make_state(); }

 private:
  std::unique_ptr<const Kernel> weight_;
  std::int64_t rows_, columns_;
  int threads_;
};

}  // namespace

Answer linear(const NodeContext& node) {
  const Dims x = rows_of(node.input(Linear::kX));
  const Dims weight = onednn::dims_of(node.input(Linear::kWeight));
  Product p{.a = onednn::row_major(x),
            .b = transposed(weight),
            .c = onednn::row_major({x[0], weight[0]}),
            .a_index = Linear::kX,
            .b_index = Linear::kWeight};
  if (node.has_input(Linear::kBias)) {
    p.bias = onednn::row_major({1, weight[0]});
    p.bias_index = Linear::kBias;
  }
  return product(node, p);
}

Answer linear_data_gradient(const NodeContext& node) {
  using Gradient = LinearDataGradient;
  const Dims dy = rows_of(node.input(Gradient::kDY));
  const Dims weight = onednn::dims_of(node.input(Gradient::kWeight));
  return product(node, {.a = onednn::row_major(dy),
                        .b = onednn::row_major(weight),
                        .c = onednn::row_major({dy[0], weight[1]}),
                        .a_index = Gradient::kDY,
                        .b_index = Gradient::kWeight});
}

Answer linear_weight_gradient(const NodeContext& node) {
  using Gradient = LinearWeightGradient;
  const Dims x = rows_of(node.input(Gradient::kX));
  const Dims dy = rows_of(node.input(Gradient::kDY));
  Answer answer = product(node, {.a = transposed(dy),
                                 .b = onednn::row_major(x),
                                 .c = onednn::row_major({dy[1], x[1]}),
                                 .a_index = Gradient::kDY,
                                 .b_index = Gradient::kX});
  auto* proposal = std::get_if<Proposal>(&answer);
  if (proposal != nullptr && node.has_output(Gradient::kDBias)) {
    proposal->kernel =
        std::make_unique<WeightGradient>(std::move(proposal->kernel), dy, node.threads);
  }
  return answer;
}

Answer matmul(const NodeContext& node) {
  const auto& operation = static_cast<const MatMul&>(*node.node.operation);
  const auto desc_of = [](Dims dims, std::size_t rank, ops::Transposed as) {
    dims.insert(dims.begin(), rank - dims.size(), 1);
    return as == ops::Transposed::kYes ? transposed(dims) : onednn::row_major(dims);
  };
  const auto rank = static_cast<std::size_t>(node.output(0).rank());
  return product(
      node, {.a = desc_of(onednn::dims_of(node.input(MatMul::kA)), rank, operation.a_transposed()),
             .b = desc_of(onednn::dims_of(node.input(MatMul::kB)), rank, operation.b_transposed()),
             .c = onednn::row_major(onednn::dims_of(node.output(0))),
             .a_index = MatMul::kA,
             .b_index = MatMul::kB});
}

}  // namespace equipoise::engine
