#include "engine/candidates.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "engine/implementations/reorder.h"
#include "engine/reorder.h"
#include "equipoise/session.h"
#include "graph/operation.h"

namespace equipoise::engine {
namespace {

/// What two nodes have to have in common to take the same time.
std::string problem(const NodeContext& node) {
  std::string key = fmt::format("{}, {}, {} threads:", describe(*node.node.operation),
                                to_string(node.mode), node.threads);
  for (const auto* shapes : {&node.input_shapes, &node.output_shapes}) {
    for (const Shape& shape : *shapes) {
      key += ' ';
      key += to_string(shape);
    }
  }
  return key;
}

void add_formats(std::string& text, const std::vector<Format>& formats,
                 const std::vector<Shape>& shapes) {
  for (std::size_t i = 0; i < formats.size(); ++i) {
    text += ' ';
    text += to_string(formats[i], shapes[i]);
  }
}

std::string way_of(const NodeContext& node, std::string_view implementation,
                   const Proposal& proposal) {
  std::string text(proposal.detail.empty() ? implementation : std::string_view(proposal.detail));
  add_formats(text, proposal.inputs, node.input_shapes);
  text += " →";
  add_formats(text, proposal.outputs, node.output_shapes);
  return text;
}

}  // namespace

bool is_product(const Node& node) {
  const std::string_view type = node.operation->type();
  return type.starts_with("convolution") || type.starts_with("linear") || type == "matmul";
}

double Candidates::time(const NodeContext& node, const Proposal& proposal, const std::string& way,
                        double hopeless) {
  const std::string key = problem(node);
  if (const auto known = timings_.find(key, way)) return *known;
  const double time = stopwatch_.milliseconds(node, proposal, hopeless);
  timings_.set(key, way, time);
  return time;
}

std::vector<Candidate> Candidates::of(NodeContext node) {
  std::vector<Candidate> found;
  std::vector<std::string> ways;
  double fastest = std::numeric_limits<double>::infinity();
  for (const Layout layout : candidate_layouts()) {
    node.preferred = layout;
    for (const Implementation* implementation : implementations_of(node.node.operation->type())) {
      if (implementation->name == "reference") continue;
      Answer answer = implementation->propose(node);
      auto* proposal = std::get_if<Proposal>(&answer);
      if (proposal == nullptr) continue;
      // Several layouts may lead to the same way.
      std::string way = way_of(node, implementation->name, *proposal);
      if (std::ranges::find(ways, way) != ways.end()) continue;
      const double milliseconds = time(node, *proposal, way, fastest);
      fastest = std::min(fastest, milliseconds);
      ways.push_back(std::move(way));
      found.push_back({implementation, std::move(*proposal), milliseconds});
    }
  }
  return found;
}

double Candidates::reorder(const NodeContext& node, const Shape& shape, const Format& from,
                           const Format& to) {
  if (from == to) return 0;
  Graph graph("reorder");
  const TensorId x = graph.add_input("x", GraphShape(shape.dimensions()));
  graph.add_node("y", std::make_shared<Reorder>(), {x});
  const NodeContext context{.graph = graph,
                            .node = graph.nodes()[0],
                            .input_shapes = {shape},
                            .output_shapes = {shape},
                            .formats = {from},
                            .threads = node.threads};
  const Answer answer = engine::reorder(context, to);
  const auto* proposal = std::get_if<Proposal>(&answer);
  constexpr double kNever = std::numeric_limits<double>::infinity();
  if (proposal == nullptr) return kNever;
  return time(context, *proposal, way_of(context, "reorder", *proposal), kNever);
}

namespace {

/// Of the candidate that is fastest where images are in `layout`, parameters as it wants them.
double least_in(const NodeContext& node, const std::vector<Candidate>& ways, Layout layout,
                Candidates& candidates) {
  double least = std::numeric_limits<double>::infinity();
  const auto images = [&](const std::vector<TensorId>& ids, const std::vector<Shape>& shapes,
                          const std::vector<Format>& formats) {
    double sum = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (!ids[i] || shapes[i].rank() != 4 || formats[i].weights) continue;
      if (node.graph.tensor(ids[i]).role != TensorRole::kResult) continue;
      sum += candidates.reorder(node, shapes[i], {.layout = layout}, formats[i]);
    }
    return sum;
  };
  for (const Candidate& way : ways) {
    least = std::min(
        least, way.milliseconds + images(node.node.inputs, node.input_shapes, way.proposal.inputs) +
                   images(node.node.outputs, node.output_shapes, way.proposal.outputs));
  }
  return ways.empty() ? 0 : least;
}

}  // namespace

Layout fastest_layout(const Plan& plan, Candidates& candidates) {
  const std::vector<Layout> layouts = candidate_layouts();
  std::vector<double> sums(layouts.size());
  for (const Node& node : plan.graph.nodes()) {
    if (!is_product(node)) continue;
    const NodeContext context = context_of(plan, node);
    const std::vector<Candidate> ways = candidates.of(context);
    for (std::size_t i = 0; i < layouts.size(); ++i) {
      sums[i] += least_in(context, ways, layouts[i], candidates);
    }
  }
  const auto least = std::ranges::min_element(sums);
  // The first is also what everything else is fastest in, as a rule.
  constexpr double kWorthChanging = 0.95;
  if (*least > kWorthChanging * sums.front()) return layouts.front();
  return layouts[static_cast<std::size_t>(least - sums.begin())];
}

}  // namespace equipoise::engine
