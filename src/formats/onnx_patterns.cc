#include "formats/onnx_patterns.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "equipoise/operations.h"

namespace equipoise::formats {
namespace {

using ops::Function;
using ops::Transposed;

bool near(std::optional<float> value, double wanted) {
  return value && std::abs(static_cast<double>(*value) / wanted - 1) < 1e-5;
}

OnnxPattern function_pattern(Function function, std::string x) {
  return {.reads = {x}, .build = [function, x](OnnxReader& reader, const std::string& name) {
            return ops::activate(reader.graph(), name, reader.tensor(x), function);
          }};
}

/// What a product is of, that of a product within included.
std::vector<std::string> factors_of(const OnnxFile& file, const FileNode& product) {
  std::vector<std::string> factors;
  for (int i = 0; i < 2; ++i) {
    const std::string& input = product.input(i);
    if (const FileNode* inner = file.producer(input, "Mul")) {
      factors.push_back(inner->input(0));
      factors.push_back(inner->input(1));
    } else {
      factors.push_back(input);
    }
  }
  return factors;
}

/// x of 1 + erf(x/√2); empty if it is something else.
std::string gelu_argument(const OnnxFile& file, const std::string& tensor) {
  const FileNode* sum = file.producer(tensor, "Add");
  if (sum == nullptr) return "";
  for (int i = 0; i < 2; ++i) {
    const FileNode* erf = file.producer(sum->input(i), "Erf");
    if (erf == nullptr || scalar_of(file, sum->input(1 - i)) != 1.0F) continue;
    if (const FileNode* quotient = file.producer(erf->input(0), "Div")) {
      if (near(scalar_of(file, quotient->input(1)), std::numbers::sqrt2)) return quotient->input(0);
    }
    if (const FileNode* product = file.producer(erf->input(0), "Mul")) {
      for (int j = 0; j < 2; ++j) {
        if (near(scalar_of(file, product->input(j)), 1 / std::numbers::sqrt2)) {
          return product->input(1 - j);
        }
      }
    }
  }
  return "";
}

/// x·sigmoid(x), x·hard_sigmoid(x), ½·x·(1 + erf(x/√2))
std::optional<OnnxPattern> find_function(const OnnxFile& file, const FileNode& last) {
  for (int i = 0; i < 2; ++i) {
    const std::string& x = last.input(1 - i);
    if (const FileNode* gate = file.producer(last.input(i), "Sigmoid")) {
      if (gate->input(0) == x) return function_pattern(Function::kSilu, x);
    }
    if (const FileNode* gate = file.producer(last.input(i), "HardSigmoid")) {
      const bool is_swish = gate->input(0) == x && near(gate->number("alpha", 0.2F), 1.0 / 6) &&
                            gate->number("beta", 0.5F) == 0.5F;
      if (is_swish) return function_pattern(Function::kHardSwish, x);
    }
  }
  std::vector<std::string> factors = factors_of(file, last);
  if (factors.size() != 3) return std::nullopt;
  std::ranges::sort(factors);
  do {
    const std::string x = gelu_argument(file, factors[0]);
    if (!x.empty() && x == factors[1] && scalar_of(file, factors[2]) == 0.5F) {
      return function_pattern(Function::kGelu, x);
    }
  } while (std::ranges::next_permutation(factors).found);
  return std::nullopt;
}

/// Whether a transposition changes places of the last two dimensions alone.
bool swaps_last_two(const FileNode& transpose) {
  const auto permutation = transpose.integers("perm");
  if (!permutation || permutation->size() < 2) return false;
  const auto rank = static_cast<std::int64_t>(permutation->size());
  for (std::int64_t i = 0; i < rank; ++i) {
    const std::int64_t wanted = i < rank - 2 ? i : 2 * rank - 3 - i;
    if ((*permutation)[static_cast<std::size_t>(i)] != wanted) return false;
  }
  return true;
}

/// The weights of a product with constants.
struct Weights {
  std::string name;
  /// As (out, in), as linear layers have them.
  bool is_transposed = false;
};

std::optional<Weights> weights_of(const OnnxFile& file, const std::string& tensor) {
  const auto is_matrix = [&](const std::string& name) {
    const FileConstant* constant = file.constant(name);
    return constant != nullptr && constant->dimensions.size() == 2;
  };
  if (is_matrix(tensor)) return Weights{.name = tensor};
  const FileNode* transpose = file.producer(tensor, "Transpose");
  if (transpose == nullptr || !swaps_last_two(*transpose) || !is_matrix(transpose->input(0))) {
    return std::nullopt;
  }
  return Weights{.name = transpose->input(0), .is_transposed = true};
}

std::optional<OnnxPattern> find_linear(const OnnxFile& file, const FileNode& product,
                                       const std::string& bias) {
  const auto weights = weights_of(file, product.input(1));
  if (!weights) return std::nullopt;
  const std::vector<std::int64_t>& dimensions = file.constant(weights->name)->dimensions;
  const std::int64_t out = dimensions[weights->is_transposed ? 0 : 1];
  if (!bias.empty() && file.constant(bias)->dimensions != std::vector<std::int64_t>{out}) {
    return std::nullopt;
  }
  return OnnxPattern{.reads = {product.input(0)},
                     .build = [x = product.input(0), weights = *weights, bias](
                                  OnnxReader& reader, const std::string& name) {
                       const TensorId in = reader.tensor(x);
                       const TensorId weight = weights.is_transposed
                                                   ? reader.tensor(weights.name)
                                                   : reader.transposed(weights.name);
                       const TensorId shift = bias.empty() ? TensorId{} : reader.tensor(bias);
                       return ops::linear(reader.graph(), name, in, weight, shift);
                     }};
}

std::optional<OnnxPattern> find_linear_with_bias(const OnnxFile& file, const FileNode& sum) {
  for (int i = 0; i < 2; ++i) {
    const FileNode* product = file.producer(sum.input(i), "MatMul");
    if (product == nullptr || file.constant(sum.input(1 - i)) == nullptr) continue;
    if (auto found = find_linear(file, *product, sum.input(1 - i))) return found;
  }
  return std::nullopt;
}

std::optional<OnnxPattern> find_matmul(const OnnxFile& file, const FileNode& product) {
  if (auto found = find_linear(file, product, "")) return found;
  struct Operand {
    std::string tensor;
    Transposed transposed;
  };
  const auto operand = [&](int i) -> Operand {
    const FileNode* transpose = file.producer(product.input(i), "Transpose");
    if (transpose == nullptr || !swaps_last_two(*transpose))
      return {product.input(i), Transposed::kNo};
    return {transpose->input(0), Transposed::kYes};
  };
  const Operand a = operand(0);
  const Operand b = operand(1);
  if (a.transposed == Transposed::kNo && b.transposed == Transposed::kNo) return std::nullopt;
  return OnnxPattern{
      .reads = {a.tensor, b.tensor}, .build = [a, b](OnnxReader& reader, const std::string& name) {
        const TensorId left = reader.tensor(a.tensor);
        const TensorId right = reader.tensor(b.tensor);
        return ops::matmul(reader.graph(), name, left, right, a.transposed, b.transposed);
      }};
}

}  // namespace

std::optional<float> scalar_of(const OnnxFile& file, const std::string& tensor) {
  const FileConstant* constant = file.constant(tensor);
  return constant == nullptr ? std::nullopt : constant->scalar();
}

std::optional<OnnxPattern> find_pattern(const OnnxFile& file, const FileNode& last) {
  if (auto norm = find_norm(file, last)) return norm;
  if (last.is("Mul")) return find_function(file, last);
  if (last.is("MatMul")) return find_matmul(file, last);
  if (last.is("Add")) return find_linear_with_bias(file, last);
  return std::nullopt;
}

}  // namespace equipoise::formats
