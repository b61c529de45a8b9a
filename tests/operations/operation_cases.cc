#include "operations/operation_cases.h"

#include <algorithm>

#include "graph/operation.h"

namespace equipoise::testing {

std::string operation_of(const OperationTest& test) {
  Graph graph;
  const TensorId result = test.build(graph);
  return std::string(graph.node(graph.tensor(result).producer).operation->type());
}

bool runs_in(Layout layout, const OperationTest& test) {
  if (layout == Layout::kChannelsFirst) return true;
  Graph graph;
  test.build(graph);
  return std::ranges::any_of(graph.tensors(), [](const TensorInfo& info) {
    return info.role == TensorRole::kInput && info.type.dtype == DType::kF32 &&
           info.type.shape.rank() >= 3;
  });
}

std::vector<Layout> layouts_of(std::span<const OperationTest> cases) {
  std::vector<Layout> layouts = {Layout::kChannelsFirst};
  for (const Layout layout : {Layout::kChannelsLast, Layout::kBlocked8, Layout::kBlocked16}) {
    const auto runs = [&](const OperationTest& test) { return runs_in(layout, test); };
    if (std::ranges::any_of(cases, runs)) layouts.push_back(layout);
  }
  return layouts;
}

}  // namespace equipoise::testing
