#include "ops/matmul.h"

#include <algorithm>

#include <fmt/format.h>

#include "ops/attribute_list.h"
#include "ops/broadcast.h"

namespace equipoise {
namespace {

using ops::Transposed;

Transposed opposite(Transposed transposed) {
  return transposed == Transposed::kYes ? Transposed::kNo : Transposed::kYes;
}

/// Of the last two dimensions, after transposition.
struct Matrix {
  std::int64_t rows;
  std::int64_t columns;
};

Matrix matrix(std::span<const std::int64_t> dimensions, Transposed transposed) {
  Matrix m{dimensions[dimensions.size() - 2], dimensions.back()};
  if (transposed == Transposed::kYes) std::swap(m.rows, m.columns);
  return m;
}

std::span<const std::int64_t> leading(std::span<const std::int64_t> dimensions) {
  return dimensions.first(dimensions.size() - 2);
}

void require_matrices(std::string_view name, const TensorType& type) {
  require_dtype(name, type, DType::kF32);
  if (type.shape.rank() < 2) {
    fail_inference(fmt::format("{} has shape {}; it needs at least 2 dimensions", name,
                               to_string(type.shape)));
  }
}

}  // namespace

Signature MatMul::signature() const {
  static constexpr Signature::Port kInputs[] = {{"a"}, {"b"}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> MatMul::attributes() const {
  return AttributeList()
      .add("a_transposed", a_transposed_ == Transposed::kYes, false)
      .add("b_transposed", b_transposed_ == Transposed::kYes, false)
      .list();
}

std::vector<TensorType> MatMul::infer(InputTypes inputs) const {
  require_matrices("a", *inputs[kA]);
  require_matrices("b", *inputs[kB]);
  const GraphShape& a = inputs[kA]->shape;
  const GraphShape& b = inputs[kB]->shape;
  const Matrix left = matrix(a.dimensions(), a_transposed_);
  const Matrix right = matrix(b.dimensions(), b_transposed_);
  if (left.columns != right.rows) {
    const auto dimension = [](std::int64_t d) {
      return d == GraphShape::kBatch ? "N" : std::to_string(d);
    };
    fail_inference(fmt::format(
        "a has shape {}, b {}: the {} columns of a have to be as many as "
        "the {} rows of b{}",
        to_string(a), to_string(b), dimension(left.columns), dimension(right.rows),
        a_transposed_ == Transposed::kYes || b_transposed_ == Transposed::kYes ? ", once transposed"
                                                                               : ""));
  }
  auto dimensions = broadcast(leading(a.dimensions()), leading(b.dimensions()));
  if (!dimensions) {
    fail_inference(
        fmt::format("a has shape {}, b {}; aligned at the last, the dimensions before the last two "
                    "have to be equal or 1",
                    to_string(a), to_string(b)));
  }
  dimensions->insert(dimensions->end(), {left.rows, right.columns});
  if (std::ranges::find(dimensions->begin() + 1, dimensions->end(), GraphShape::kBatch) !=
      dimensions->end()) {
    fail_inference(
        fmt::format("a has shape {}, b {}; N has to be the first dimension of the result",
                    to_string(a), to_string(b)));
  }
  return {{.shape = GraphShape(*dimensions)}};
}

void MatMul::evaluate(const Evaluation& evaluation) const {
  const Array& a = evaluation.input(kA);
  const Array& b = evaluation.input(kB);
  Array& y = evaluation.output(0);
  const Matrix left = matrix(a.shape.dimensions(), a_transposed_);
  const Matrix right = matrix(b.shape.dimensions(), b_transposed_);
  const Shape batches(leading(y.shape.dimensions()));
  const auto a_batch = broadcast_offsets(Shape(leading(a.shape.dimensions())), batches);
  const auto b_batch = broadcast_offsets(Shape(leading(b.shape.dimensions())), batches);
  // How far apart neighbours along rows (i), the sum (k) and columns (j) are.
  const bool a_swapped = a_transposed_ == Transposed::kYes;
  const bool b_swapped = b_transposed_ == Transposed::kYes;
  const std::int64_t a_i = a_swapped ? 1 : left.columns;
  const std::int64_t a_k = a_swapped ? left.rows : 1;
  const std::int64_t b_k = b_swapped ? 1 : right.columns;
  const std::int64_t b_j = b_swapped ? right.rows : 1;
  std::int64_t in_y = 0;
  for (std::size_t n = 0; n < a_batch.size(); ++n) {
    const std::int64_t a_first = a_batch[n] * left.rows * left.columns;
    const std::int64_t b_first = b_batch[n] * right.rows * right.columns;
    for (std::int64_t i = 0; i < left.rows; ++i) {
      for (std::int64_t j = 0; j < right.columns; ++j, ++in_y) {
        for (std::int64_t k = 0; k < left.columns; ++k) {
          y[in_y] += a[a_first + i * a_i + k * a_k] * b[b_first + k * b_k + j * b_j];
        }
      }
    }
  }
}

void MatMul::differentiate(GradientWriter& writer) const {
  // With A and B the matrices after transposition, dA = dy·Bᵀ and dB = Aᵀ·dy; what was given
  // transposed has the transposed gradient, B·dyᵀ and dyᵀ·A.
  const TensorId dy = writer.output_gradient(0);
  const TensorId a = writer.input(kA);
  const TensorId b = writer.input(kB);
  if (writer.wants(kA)) {
    const TensorId da =
        a_transposed_ == Transposed::kNo
            ? writer.add_one(
                  "da", std::make_shared<MatMul>(Transposed::kNo, opposite(b_transposed_)), {dy, b})
            : writer.add_one("da", std::make_shared<MatMul>(b_transposed_, Transposed::kYes),
                             {b, dy});
    set_summed(writer, kA, "da_sum", da);
  }
  if (writer.wants(kB)) {
    const TensorId db =
        b_transposed_ == Transposed::kNo
            ? writer.add_one(
                  "db", std::make_shared<MatMul>(opposite(a_transposed_), Transposed::kNo), {a, dy})
            : writer.add_one("db", std::make_shared<MatMul>(Transposed::kYes, a_transposed_),
                             {dy, a});
    set_summed(writer, kB, "db_sum", db);
  }
}

double MatMul::flops(std::span<const Shape* const> inputs,
                     std::span<const Shape* const> outputs) const {
  const Matrix left = matrix(inputs[kA]->dimensions(), a_transposed_);
  return 2.0 * static_cast<double>(outputs[0]->element_count()) * static_cast<double>(left.columns);
}

TensorId ops::matmul(Graph& graph, std::string name, TensorId a, TensorId b,
                     Transposed a_transposed, Transposed b_transposed) {
  return graph.add_node(std::move(name), std::make_shared<MatMul>(a_transposed, b_transposed),
                        {a, b})[0];
}

}  // namespace equipoise
