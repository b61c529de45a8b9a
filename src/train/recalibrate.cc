#include "equipoise/recalibrate.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "equipoise/norm_summary.h"

namespace equipoise {

namespace {

/// By the name of the running mean, in the order of names.
using Collected = std::map<std::string, std::vector<Moments>, std::less<>>;

std::vector<NormSummary> norms_to_recalibrate(const Graph& graph, FrozenNorms frozen_norms) {
  std::vector<NormSummary> norms = summarize_norms(graph);
  std::erase_if(norms, [&](const NormSummary& norm) {
    return norm.kind != NormKind::kBatch || !norm.update_running ||
           (frozen_norms == FrozenNorms::kRunning && norm.frozen);
  });
  return norms;
}

/// Those that the graph has, such as not the labels of one without a loss.
std::vector<Input> inputs_of(const Graph& graph, std::span<const Input> batch) {
  std::vector<Input> inputs;
  std::ranges::copy_if(batch, std::back_inserter(inputs), [&](const Input& input) {
    return graph.find_tensor(input.name).has_value();
  });
  return inputs;
}

void add(Collected& collected, const std::vector<NormSummary>& norms, const Results& results) {
  for (const NormSummary& norm : norms) {
    const std::span<const Moments> batch = results.moments(norm.name);
    std::vector<Moments>& all = collected[norm.running_mean];
    all.resize(batch.size());
    for (std::size_t c = 0; c < batch.size(); ++c) all[c] = merge(all[c], batch[c]);
  }
}

const RunningStatistics& statistics_of(State& state, const NormSummary& norm) {
  const RunningStatistics* statistics = state.running_statistics(norm.running_mean);
  if (statistics != nullptr) return *statistics;
  throw Error(fmt::format(
      "recalibrate: the state has no running statistics '{}' of '{}'; take a state of this graph",
      norm.running_mean, norm.name));
}

/// Puts rules and counts back, however it ends.
class Replacement {
 public:
  explicit Replacement(State& state) : state_(state) {}
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;
  ~Replacement() {
    for (const Kept& kept : kept_) {
      kept.statistics->discard();
      kept.statistics->set_rule(kept.rule);
      kept.statistics->mutable_num_batches_tracked()[0] = kept.batches;
    }
  }

  void stage(const std::string& running_mean, std::span<const Moments> moments) {
    RunningStatistics& statistics = *state_.running_statistics(running_mean);
    kept_.push_back({&statistics, statistics.rule(), statistics.num_batches_tracked()});
    // A new value of weight 1 is what the statistics become.
    statistics.set_rule({.momentum = 1, .variance = statistics.rule().variance});
    statistics.stage(moments);
  }

  void commit() {
    std::vector<RunningStatistics*> all;
    for (const Kept& kept : kept_) all.push_back(kept.statistics);
    commit_together(all);
  }

 private:
  struct Kept {
    RunningStatistics* statistics;
    UpdateRule rule;
    std::int64_t batches;
  };

  State& state_;
  std::vector<Kept> kept_;
};

}  // namespace

Recalibration recalibrate(Session& session, BatchSource& source,
                          const RecalibrationOptions& options) {
  const std::vector<NormSummary> norms =
      norms_to_recalibrate(session.graph(), options.frozen_norms);
  if (norms.empty()) return {};
  State& state = options.state != nullptr ? *options.state : session.state();
  Context context;
  for (const NormSummary& norm : norms) {
    if (statistics_of(state, norm).staged() > 0) {
      throw Error(fmt::format(
          "recalibrate: '{}' has statistics of an earlier run staged; commit or discard "
          "them first",
          norm.name));
    }
    context.set_norm(norm.name, {.statistics = Statistics::kBatch});
  }
  Recalibration done;
  Collected collected;
  source.start(options.epoch, 0);
  while (options.samples == 0 || done.samples < options.samples) {
    const std::span<const Input> batch = source.next();
    if (batch.empty()) break;
    const std::vector<Input> inputs = inputs_of(session.graph(), batch);
    add(collected, norms, session.run(inputs, {.context = &context, .state = &state}));
    done.samples += batch.front().value.shape.samples();
    ++done.batches;
  }
  if (done.batches == 0) throw Error("recalibrate: there are no batches");
  Replacement replacement(state);
  for (const auto& [running_mean, moments] : collected) replacement.stage(running_mean, moments);
  replacement.commit();
  return done;
}

}  // namespace equipoise
