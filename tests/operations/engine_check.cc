#include "operations/engine_check.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>

#include <fmt/format.h>

#include "base/random.h"
#include "engine/reorder.h"
#include "equipoise/error.h"
#include "equipoise/operations.h"
#include "equipoise/session.h"
#include "graph/interpreter.h"

namespace equipoise::testing {
namespace {

/// Infinite where a value is missing or NaN.
double error_of(std::span<const float> values, const Array& truth) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (static_cast<std::int64_t>(values.size()) != truth.size()) return kInfinity;
  double largest = 1e-6;
  double difference = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    largest = std::max(largest, std::abs(truth.values[i]));
    const double d = std::abs(static_cast<double>(values[i]) - truth.values[i]);
    if (std::isnan(d)) return kInfinity;
    difference = std::max(difference, d);
  }
  return difference / largest;
}

}  // namespace

TestGraph graph_of(const OperationTest& test) {
  TestGraph made;
  Graph& graph = made.graph;
  graph = Graph("test");
  made.result = made.loss = test.build(graph);
  for (const TensorInfo& info : graph.tensors()) {
    const bool given = info.role == TensorRole::kInput || info.role == TensorRole::kParameter;
    if (given && info.type.dtype == DType::kF32 &&
        std::ranges::find(test.constant_inputs, info.name) == test.constant_inputs.end()) {
      made.differentiable.push_back(info.name);
    }
  }
  if (graph.tensor(made.result).type.shape.rank() > 0 && !made.differentiable.empty()) {
    const TensorId target =
        graph.add_input("target of the test", graph.tensor(made.result).type.shape);
    made.loss = ops::mean_squared_error(graph, "loss of the test", made.result, target);
  }
  return made;
}

namespace {

/// The same graph, but images come in the layout that is preferred, as between convolutions.
Graph with_inputs_in_layout(const Graph& graph) {
  Graph result = graph;
  std::vector<TensorId> reordered(graph.tensors().size());
  std::vector<Node> nodes;
  for (std::size_t i = 0; i < graph.tensors().size(); ++i) {
    const TensorInfo& info = graph.tensors()[i];
    if (info.role != TensorRole::kInput || info.type.dtype != DType::kF32 ||
        info.type.shape.rank() < 3) {
      continue;
    }
    reordered[i] = result.add_node(info.name + " in layout", std::make_shared<engine::Reorder>(),
                                   {{static_cast<std::int32_t>(i)}})[0];
    nodes.push_back(result.nodes().back());
  }
  for (Node node : graph.nodes()) {
    for (TensorId& id : node.inputs) {
      if (id && reordered[static_cast<std::size_t>(id.index)]) {
        id = reordered[static_cast<std::size_t>(id.index)];
      }
    }
    nodes.push_back(std::move(node));
  }
  result.rewrite(std::move(nodes), {graph.outputs().begin(), graph.outputs().end()});
  return result;
}

}  // namespace

EngineCase::Buffer::Buffer(const Array& array, DType dtype) {
  if (dtype == DType::kI32) {
    for (const double v : array.values) indices.push_back(static_cast<std::int32_t>(v));
  } else {
    for (const double v : array.values) numbers.push_back(static_cast<float>(v));
  }
}

EngineCase::EngineCase(const OperationTest& test, Layout layout)
    : made(graph_of(test)), values(fill_inputs(made.graph, test)), options{.layout = layout} {
  for (auto& [name, array] : values) {  // what f32 can hold
    for (double& v : array.values) v = static_cast<double>(static_cast<float>(v));
  }
  options.taps = {result_name()};
  if (trains()) {
    options.gradients = made.differentiable;
    options.loss = made.graph.tensor(made.loss).name;
  }
  made.graph.add_output(trains() ? made.loss : made.result);
  graph = with_inputs_in_layout(made.graph);
  for (const auto& [name, array] : values) {
    buffers_.emplace(name, Buffer(array, made.graph.tensor(made.graph.tensor(name)).type.dtype));
  }
}

std::vector<Input> EngineCase::inputs() const {
  std::vector<Input> inputs;
  for (const auto& [name, buffer] : buffers_) {
    const TensorInfo& info = made.graph.tensor(made.graph.tensor(name));
    if (info.role != TensorRole::kInput) continue;
    inputs.push_back(
        {info.name,
         {.data = buffer.data(), .shape = values.at(name).shape, .dtype = info.type.dtype}});
  }
  return inputs;
}

void EngineCase::load(State& state) const {
  for (const auto& [name, buffer] : buffers_) {
    if (made.graph.tensor(made.graph.tensor(name)).role == TensorRole::kInput) continue;
    std::ranges::copy(buffer.numbers, state.values(name).begin());
  }
}

std::vector<CheckedTensor> check_in_engine(const OperationTest& test, Layout layout) {
  const EngineCase engine_case(test, layout);
  const TestGraph& made = engine_case.made;
  Session session(engine_case.graph, engine_case.options);
  engine_case.load(session.state());

  Results results;
  Graph differentiated = made.graph;
  std::vector<TensorId> gradients;
  if (engine_case.trains()) {
    StepResult step = session.train(engine_case.inputs());
    if (!step.refusal.empty()) {
      throw Error(fmt::format("case '{}': the gate stayed shut: {}", test.name, step.refusal));
    }
    results = std::move(step.results);
    std::vector<TensorId> wrt;
    for (const std::string& name : made.differentiable) wrt.push_back(made.graph.tensor(name));
    gradients = differentiate(differentiated, made.loss, wrt);
    for (const TensorId gradient : gradients) {
      if (gradient) differentiated.add_output(gradient);
    }
  } else {
    results = session.run(engine_case.inputs());
  }
  differentiated.add_output(made.result);
  const auto truth =
      interpret(differentiated, engine_case.values,
                {.batch = test.batch, .random_key = step_key(engine_case.options.seed, 1)});

  std::vector<CheckedTensor> checked;
  const auto check = [&](std::string of, const std::string& name, const std::string& true_name) {
    const std::span<const float> own = results.values(name);
    checked.push_back(
        {std::move(of), error_of(own, truth.at(true_name)), {own.begin(), own.end()}});
  };
  check("result", engine_case.result_name(), engine_case.result_name());
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i]) continue;
    const std::string& of = made.differentiable[i];
    check("d " + of, of + ".gradient", differentiated.tensor(gradients[i]).name);
  }
  return checked;
}

std::string identifier(const std::string& name) {
  std::string result;
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      result += c;
    } else if (!result.empty() && result.back() != '_') {
      result += '_';
    }
  }
  return result;
}

}  // namespace equipoise::testing
