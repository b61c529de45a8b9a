#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "engine/plan.h"
#include "equipoise/session.h"

namespace equipoise::engine {

/// One step from a model's graph to a plan. Skipping one changes time and memory, and results by
/// rounding only; those that make the plan itself cannot be skipped.
struct Pass {
  std::string_view name;
  void (*run)(Plan& plan, const SessionOptions& options);
  bool skippable = true;
};

/// In the order in which they run.
std::span<const Pass> passes();

void resolve_mode(Plan& plan, const SessionOptions& options);
void fold_constants(Plan& plan, const SessionOptions& options);
/// Batch normalization into the weights of what is before it.
void fold_norms(Plan& plan, const SessionOptions& options);
void fuse_norms(Plan& plan, const SessionOptions& options);
void fuse_convolutions(Plan& plan, const SessionOptions& options);
void add_gradients(Plan& plan, const SessionOptions& options);
/// What differentiation leaves where a tensor had several readers.
void fuse_gradients(Plan& plan, const SessionOptions& options);
void remove_dead_nodes(Plan& plan, const SessionOptions& options);
/// Skipped, as "choose_layouts": everything stays row-major.
void choose_implementations(Plan& plan, const SessionOptions& options);
/// With MemoryMode::kLean, results of normalizations that the backward reads are computed again
/// before it does, rather than kept, where that makes the peak smaller.
void repeat_norms(Plan& plan, const SessionOptions& options);
/// What depends on the state alone goes before everything else, to be run when the state has
/// changed.
void prepare_state(Plan& plan, const SessionOptions& options);
/// Skipped, as "reuse_memory": every tensor has memory of its own.
void place_memory(Plan& plan, const SessionOptions& options);

/// A graph with the buffers that updates keep for its trained parameters: the optimizer's,
/// averages.
Graph with_update_buffers(Graph graph, const SessionOptions& options);

/// The average of a parameter.
std::string ema_name(std::string_view parameter);

/// A graph of nothing but the mean gradients of trained parameters, which are kept while gradients
/// are accumulated.
Graph mean_gradients_of(const Graph& graph);

/// Whether updates depend on how many there were before. The state keeps their number under
/// kUpdateCount, so that what is saved and loaded goes on with the next one. (In f32, where it
/// stays 2²⁴: long before, AdamW's corrections are 1.)
bool counts_updates(const SessionOptions& options);
constexpr const char* kUpdateCount = "optimizer.step";

bool skips(const SessionOptions& options, std::string_view pass);

/// `graph.rewrite` that keeps the plan's own ids; returns the map.
std::vector<TensorId> rewrite(Plan& plan, std::vector<Node> nodes);

/// Whether a node overwrites what is kept between runs. In inference it overwrites nothing: its
/// results have memory of their own.
bool updates_anything(const Node& node);

/// How many nodes read a tensor; each output of the graph counts as one more.
std::vector<int> count_readers(const Graph& graph);

}  // namespace equipoise::engine
