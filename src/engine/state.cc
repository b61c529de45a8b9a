#include "engine/state.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numbers>
#include <set>

#include <fmt/format.h>

#include "base/random.h"
#include "base/text.h"
#include "engine/memory_need.h"
#include "engine/onednn/adapter.h"
#include "equipoise/error.h"
#include "ops/normalization.h"

namespace equipoise {
namespace {

void fill(std::span<float> values, const Initialization& how, std::uint64_t key) {
  using Kind = Initialization::Kind;
  for (std::size_t i = 0; i < values.size(); ++i) {
    double value = how.value;
    if (how.kind == Kind::kUniform) {
      value *= 2.0 * static_cast<double>(uniform(key, i)) - 1;
    } else if (how.kind == Kind::kNormal) {
      // Box & Muller: two uniform numbers make one normal one; 1 − u is never 0.
      const auto words = philox(key, i);
      const double radius = std::sqrt(-2 * std::log(1 - static_cast<double>(uniform(words[0]))));
      value *= radius * std::cos(2 * std::numbers::pi * static_cast<double>(uniform(words[1])));
    }
    values[i] = static_cast<float>(value);
  }
}

/// "layer1.0.bn1" of "layer1.0.bn1.running_mean".
std::string layer_name(const std::string& running_mean) {
  const std::size_t dot = running_mean.rfind('.');
  return dot == std::string::npos ? running_mean : running_mean.substr(0, dot);
}

/// Throws Error unless running statistics are buffers, and who shares them agrees on them.
void check_running(const Graph& graph, const Node& node, const Norm& norm) {
  const auto fail = [&](std::string_view what) {
    throw Error(fmt::format("graph '{}', node '{}': {}", graph.name(), node.name, what));
  };
  for (const Norm::Input input : {Norm::kRunningMean, Norm::kRunningVar}) {
    const TensorInfo& info = graph.tensor(node.inputs[input]);
    if (info.role != TensorRole::kBuffer) {
      fail(fmt::format("its running statistics '{}' are no buffer of the graph", info.name));
    }
  }
  for (const Node& other : graph.nodes()) {
    const auto* same = dynamic_cast<const Norm*>(other.operation.get());
    if (same == nullptr) continue;
    const bool mean = other.inputs[Norm::kRunningMean] == node.inputs[Norm::kRunningMean];
    const bool var = other.inputs[Norm::kRunningVar] == node.inputs[Norm::kRunningVar];
    if (mean != var) {
      fail(fmt::format("it shares a running mean or variance with node '{}', but not both",
                       other.name));
    }
    if (mean && same->norm().rule != norm.norm().rule) {
      fail(
          fmt::format("it shares running statistics with node '{}', which updates them by another "
                      "rule",
                      other.name));
    }
  }
}

std::size_t count(const std::variant<std::span<float>, std::span<std::int64_t>>& values) {
  return std::visit([](auto v) { return v.size(); }, values);
}

}  // namespace

State::Parts::Entry& State::Parts::entry(std::string_view name) const {
  const auto found = by_name.find(name);
  if (found != by_name.end()) return *found->second;
  std::vector<std::string_view> names;
  for (const auto& e : entries) names.emplace_back(e->name);
  throw Error(fmt::format("the state has no '{}'{}", name, did_you_mean(name, names)));
}

State::Parts::Entry& State::Parts::f32_entry(std::string_view name) const {
  Entry& found = entry(name);
  if (!std::holds_alternative<std::span<float>>(found.values)) {
    throw Error(fmt::format("'{}' is not a tensor of f32", name));
  }
  return found;
}

void State::Parts::add(std::unique_ptr<Entry> entry) {
  by_name[entry->name] = entry.get();
  entries.push_back(std::move(entry));
}

std::uint64_t State::Parts::next_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

engine::StateVersion State::Parts::version() const {
  std::uint64_t all = writes;
  for (const auto& statistics : running) all += statistics->revision();
  return {.state = id, .writes = all};
}

std::shared_ptr<engine::PreparedTensor> State::Parts::find_prepared(
    std::string_view how, const engine::Format& format) const {
  const auto [first, last] = prepared.equal_range(how);
  for (auto found = first; found != last; ++found) {
    if (found->second->format == format) return found->second;
  }
  return nullptr;
}

std::shared_ptr<engine::PreparedTensor> State::Parts::prepared_tensor(std::string_view how,
                                                                      const engine::Format& format,
                                                                      std::size_t bytes) {
  if (auto found = find_prepared(how, format)) return found;
  std::erase_if(prepared, [](const auto& entry) { return entry.second.use_count() == 1; });
  auto made = std::make_shared<engine::PreparedTensor>(
      engine::PreparedTensor{.format = format, .memory = AlignedBuffer(bytes)});
  return prepared.emplace(how, std::move(made))->second;
}

State::State(const Graph& graph, std::uint64_t seed) : parts_(std::make_unique<Parts>()) {
  parts_->seed = seed;
  extend(graph);
}
State::~State() = default;

void State::extend(const Graph& graph) {
  using Entry = Parts::Entry;
  engine::require_memory(graph, this);
  // Buffers that belong to a batch normalization live in its running statistics.
  std::map<TensorId, RunningStatistics*> means;
  std::map<TensorId, RunningStatistics*> vars;
  for (const Node& node : graph.nodes()) {
    const auto* norm = dynamic_cast<const Norm*>(node.operation.get());
    if (norm == nullptr) continue;
    const TensorId mean = node.inputs[Norm::kRunningMean];
    if (mean) check_running(graph, node, *norm);
    if (!mean || means.contains(mean) || has(graph.tensor(mean).name)) continue;
    const TensorInfo& info = graph.tensor(mean);
    parts_->running.push_back(std::make_unique<RunningStatistics>(
        info.type.shape[0], norm->norm().rule, layer_name(info.name)));
    means[mean] = vars[node.inputs[Norm::kRunningVar]] = parts_->running.back().get();
  }
  for (std::size_t i = 0; i < graph.tensors().size(); ++i) {
    const TensorInfo& info = graph.tensors()[i];
    if (info.role != TensorRole::kParameter && info.role != TensorRole::kBuffer) continue;
    if (has(info.name)) continue;
    const TensorId id{static_cast<std::int32_t>(i)};
    auto entry = std::make_unique<Entry>();
    entry->name = info.name;
    entry->shape = info.type.shape.resolve(1);
    std::span<float> values;
    if (const auto mean = means.find(id); mean != means.end()) {
      entry->running = mean->second;
      values = mean->second->mutable_mean();
    } else if (const auto var = vars.find(id); var != vars.end()) {
      entry->running = var->second;
      values = var->second->mutable_var();
    } else {
      entry->allocate_row_major();
      values = std::get<std::span<float>>(entry->values);
    }
    fill(values, info.initialization, name_key(info.name) ^ philox(parts_->seed, 0)[0]);
    entry->values = values;
    const bool is_var = vars.contains(id);
    RunningStatistics* running = entry->running;
    parts_->add(std::move(entry));
    if (!is_var) continue;
    auto batches = std::make_unique<Entry>();
    batches->name = running->name() + ".num_batches_tracked";
    if (has(batches->name) || graph.find_tensor(batches->name)) {
      batches->name = info.name + ".num_batches_tracked";
    }
    batches->running = running;
    batches->values = std::span<std::int64_t>(running->mutable_num_batches_tracked());
    parts_->add(std::move(batches));
  }
}

void State::Parts::Entry::allocate_row_major() {
  const auto elements = static_cast<std::size_t>(shape.element_count());
  buffer = AlignedBuffer(std::max<std::size_t>(elements * sizeof(float), 1));
  values = std::span<float>(reinterpret_cast<float*>(buffer.data()), elements);
}

std::span<float> State::Parts::Entry::hand_out(bool to_write) {
  handed_out = true;
  return std::holds_alternative<std::span<float>>(values) ? row_major(to_write)
                                                          : std::span<float>();
}

std::span<float> State::Parts::Entry::row_major(bool to_write) {
  if (!row_major_is_current) {
    if (buffer.size() == 0) allocate_row_major();
    engine::onednn::copy_weights(format, in_format.data(), {}, buffer.data());
    row_major_is_current = true;
  }
  if (to_write) in_format_is_current = false;
  return std::get<std::span<float>>(values);
}

float* State::Parts::Entry::as(const engine::Format& wanted, bool to_write) {
  if (!in_format_is_current || format != wanted) {
    row_major(false);
    if (format != wanted || in_format.size() == 0) {
      format = wanted;
      in_format = AlignedBuffer();
      in_format = AlignedBuffer(engine::bytes_of(wanted, shape, DType::kF32));
    }
    engine::onednn::copy_weights({}, buffer.data(), format, in_format.data());
    in_format_is_current = true;
  }
  if (to_write || !handed_out) row_major_is_current = false;
  if (!handed_out) buffer = AlignedBuffer();
  return reinterpret_cast<float*>(in_format.data());
}

std::size_t State::Parts::Entry::bytes_to_hold_as(const engine::Format& wanted,
                                                  std::size_t bytes) const {
  if (!wanted.weights || (format == wanted && in_format.size() > 0)) return 0;
  // What is replaced is given back: the other format before, row-major values afterwards.
  const std::size_t replaced = in_format.size() + (handed_out ? 0 : buffer.size());
  return bytes - std::min(bytes, replaced);
}

bool State::has(std::string_view name) const { return parts_->by_name.contains(name); }

std::span<float> State::values(std::string_view name) {
  ++parts_->writes;
  return parts_->f32_entry(name).hand_out(true);
}

std::span<const float> State::values(std::string_view name) const {
  return parts_->f32_entry(name).hand_out(false);
}

const Shape& State::shape(std::string_view name) const { return parts_->entry(name).shape; }

RunningStatistics* State::running_statistics(std::string_view running_mean) {
  const auto found = parts_->by_name.find(running_mean);
  return found == parts_->by_name.end() ? nullptr : found->second->running;
}

std::vector<StateView> State::entries() {
  ++parts_->writes;
  std::vector<StateView> views;
  for (const auto& entry : parts_->entries) {
    entry->hand_out(true);
    views.push_back({entry->name, entry->values});
  }
  return views;
}

std::vector<ConstStateView> State::entries() const {
  std::vector<ConstStateView> views;
  for (const auto& entry : parts_->entries) {
    entry->hand_out(false);
    ConstStateView view{.name = entry->name, .values = {}};
    std::visit([&](auto values) { view.values = values; }, entry->values);
    views.push_back(view);
  }
  return views;
}

void State::load(std::span<const ConstStateView> source) {
  std::set<std::string_view> seen;
  for (const ConstStateView& part : source) {
    const Parts::Entry& entry = parts_->entry(part.name);
    if (!seen.insert(part.name).second) {
      throw Error(fmt::format("the state to load has '{}' twice", part.name));
    }
    const std::size_t given = std::visit([](auto v) { return v.size(); }, part.values);
    if (part.values.index() != entry.values.index()) {
      throw Error(fmt::format("the state to load has '{}' as {}; it has to be {}", part.name,
                              part.values.index() == 0 ? "f32" : "i64",
                              entry.values.index() == 0 ? "f32" : "i64"));
    }
    if (given != count(entry.values)) {
      throw Error(fmt::format("the state to load has {} values for '{}', which has {}", given,
                              part.name, count(entry.values)));
    }
  }
  ++parts_->writes;
  for (const ConstStateView& part : source) {
    Parts::Entry& entry = parts_->entry(part.name);
    entry.hand_out(true);
    std::visit(
        [&](auto to) {
          using Element = typename decltype(to)::element_type;
          std::ranges::copy(std::get<std::span<const Element>>(part.values), to.begin());
        },
        entry.values);
  }
  for (const auto& running : parts_->running) running->discard();
}

}  // namespace equipoise
