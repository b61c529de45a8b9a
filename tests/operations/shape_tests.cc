#include "equipoise/operations.h"
#include "operations/descriptor.h"

namespace equipoise::testing {
namespace {

constexpr std::int64_t kN = GraphShape::kBatch;

/// A case of one input x.
OperationTest unary_test(std::string name, const GraphShape& shape,
                         const std::function<TensorId(Graph&, TensorId)>& build) {
  return {.name = std::move(name),
          .build = [=](Graph& graph) { return build(graph, graph.add_input("x", shape)); },
          .batch = 2};
}

OperationTest reshape_test(const GraphShape& from, const GraphShape& to) {
  return unary_test("reshape/" + to_string(from) + " to " + to_string(to), from,
                    [=](Graph& graph, TensorId x) { return ops::reshape(graph, "y", x, to); });
}

OperationTest flatten_test(const GraphShape& shape, int first) {
  return unary_test("flatten/" + to_string(shape) + " from " + std::to_string(first), shape,
                    [=](Graph& graph, TensorId x) { return ops::flatten(graph, "y", x, first); });
}

OperationTest transpose_test(const std::string& name, const GraphShape& shape,
                             const std::vector<int>& permutation) {
  return unary_test("transpose/" + name, shape, [=](Graph& graph, TensorId x) {
    return ops::transpose(graph, "y", x, permutation);
  });
}

OperationTest slice_test(const std::string& name, const GraphShape& shape, int axis,
                         std::int64_t begin, std::int64_t length) {
  return unary_test("slice/" + name, shape, [=](Graph& graph, TensorId x) {
    return ops::slice(graph, "y", x, axis, begin, length);
  });
}

OperationTest pad_test(const std::string& name, const GraphShape& shape, const ops::Edges& edges,
                       float value = 0) {
  return unary_test("pad/" + name, shape, [=](Graph& graph, TensorId x) {
    return ops::pad(graph, "y", x, edges, value);
  });
}

OperationTest concatenate_test(const std::string& name, const std::vector<GraphShape>& shapes,
                               int axis) {
  return {.name = "concatenate/" + name,
          .build =
              [=](Graph& graph) {
                std::vector<TensorId> inputs;
                for (const GraphShape& shape : shapes) {
                  inputs.push_back(graph.add_input("x" + std::to_string(inputs.size()), shape));
                }
                return ops::concatenate(graph, "y", inputs, axis);
              },
          .batch = 2};
}

}  // namespace

std::vector<OperationTest> shape_tests() {
  return {
      reshape_test({kN, 12}, {kN, 3, 2, 2}),
      reshape_test({kN, 17, 3, 3}, {kN, 9, 17}),
      reshape_test({4, 6}, {3, 8}),
      flatten_test({kN, 9, 2, 3}, 1),
      flatten_test({kN, 3, 4, 2}, 2),
      flatten_test({kN, 17, 1, 1}, 1),
      flatten_test({4, 3, 2}, 0),
      reshape_test({kN, 17, 4, 3}, {kN, 17, 12}),
      reshape_test({kN, 16}, {kN, 16, 1, 1}),
      reshape_test({kN, 24, 1, 1}, {kN, 2, 12}),
      transpose_test("large, channels to the end", {kN, 70, 9, 11}, {0, 2, 3, 1}),
      transpose_test("large, channels from the end", {kN, 9, 11, 70}, {0, 3, 1, 2}),
      transpose_test("all dimensions", {kN, 17, 3, 4}, {0, 3, 2, 1}),
      transpose_test("channels to the end", {kN, 17, 3, 2}, {0, 2, 3, 1}),
      transpose_test("channels from the end", {kN, 3, 2, 9}, {0, 3, 1, 2}),
      transpose_test("heads", {kN, 5, 2, 8}, {0, 2, 1, 3}),
      transpose_test("matrices", {kN, 4, 3}, {0, 2, 1}),
      transpose_test("of a known first dimension", {3, 4}, {1, 0}),
      concatenate_test("channels", {{kN, 3, 2, 2}, {kN, 8, 2, 2}, {kN, 17, 2, 2}}, 1),
      concatenate_test("channels in blocks of 8", {{kN, 8, 3, 2}, {kN, 16, 3, 2}}, 1),
      concatenate_test("channels of two full blocks and a part",
                       {{kN, 16, 3, 2}, {kN, 32, 3, 2}, {kN, 17, 3, 2}}, 1),
      concatenate_test("columns", {{kN, 9, 2, 3}, {kN, 9, 2, 1}}, 3),
      concatenate_test("features", {{kN, 5}, {kN, 7}}, 1),
      concatenate_test("one input", {{kN, 4, 3}}, 2),
      concatenate_test("known first dimension", {{2, 3}, {4, 3}}, 0),
      slice_test("channels", {kN, 20, 2, 3}, 1, 5, 9),
      slice_test("a block of channels", {kN, 24, 2, 2}, 1, 8, 8),
      slice_test("the first of several blocks", {kN, 33, 2, 2}, 1, 16, 17),
      slice_test("part of a block", {kN, 33, 2, 2}, 1, 16, 9),
      slice_test("rows", {kN, 9, 5, 4}, 2, 1, 3),
      slice_test("the last column", {kN, 3, 2, 5}, 3, 4, 1),
      slice_test("all of it", {kN, 6}, 1, 0, 6),
      slice_test("of a known first dimension", {5, 3}, 0, 2, 2),
      pad_test("all edges", {kN, 9, 3, 2}, ops::Edges::all(1)),
      pad_test("four edges, with a value", {kN, 3, 2, 3},
               {.top = 0, .left = 2, .bottom = 1, .right = 3}, 0.5F),
      pad_test("crop", {kN, 17, 4, 5}, {.top = -1, .left = -2, .bottom = 0, .right = -1}),
      pad_test("crop here, add there", {kN, 8, 4, 3}, {.top = -2, .left = 1, .bottom = 1}, -1),
      pad_test("of a matrix", {3, 4}, {.bottom = 2, .right = 1}),
  };
}

}  // namespace equipoise::testing
