#include "operations/descriptor.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace equipoise::testing {

std::vector<OperationTest> all_operation_tests() {
  std::vector<OperationTest> all;
  for (const auto& tests : {activation_tests, convolution_tests, elementwise_tests, embedding_tests,
                            fold_tests, linear_tests, loss_tests, norm_tests, pool_tests,
                            random_tests, shape_tests, softmax_tests, update_tests}) {
    for (OperationTest& test : tests()) all.push_back(std::move(test));
  }
  return all;
}

namespace {

void fill_distinct(Array& array, const Fill& fill, std::uint64_t key) {
  const double step = (fill.high - fill.low) / static_cast<double>(array.size());
  for (std::int64_t i = 0; i < array.size(); ++i) {
    const auto other = static_cast<std::int64_t>(uniform(key, static_cast<std::uint64_t>(i)) *
                                                 static_cast<float>(i + 1));
    array[i] = array[other];
    array[other] = fill.low + step * static_cast<double>(i);
  }
}

void fill_uniform(Array& array, const Fill& fill, std::uint64_t key) {
  std::uint64_t draw = 0;
  for (double& value : array.values) {
    do {
      const double u = uniform(key, draw++);
      value = fill.integers ? fill.low + std::floor(u * (fill.high - fill.low + 1))
                            : fill.low + u * (fill.high - fill.low);
    } while (std::ranges::any_of(
        fill.kinks, [&](double kink) { return std::abs(value - kink) < fill.margin; }));
  }
}

}  // namespace

std::map<std::string, Array> fill_inputs(const Graph& graph, const OperationTest& test) {
  std::map<std::string, Array> values;
  for (const TensorInfo& info : graph.tensors()) {
    if (info.role == TensorRole::kResult || info.role == TensorRole::kConstant) continue;
    const auto found = test.fills.find(info.name);
    const Fill fill = found == test.fills.end() ? Fill{} : found->second;
    Array array(info.type.shape.resolve(test.batch));
    (fill.distinct ? fill_distinct : fill_uniform)(array, fill, name_key(info.name));
    values[info.name] = std::move(array);
  }
  return values;
}

}  // namespace equipoise::testing
