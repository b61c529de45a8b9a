#include <algorithm>
#include <cstring>
#include <numeric>

#include "engine/passes/pass.h"
#include "graph/operation.h"

namespace equipoise::engine {
namespace {

constexpr std::size_t kAlignment = 64;

std::size_t aligned(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

std::size_t index(TensorId id) { return static_cast<std::size_t>(id.index); }

/// Tensors that share memory, by union-find; and over which steps it has to last.
class Blocks {
 public:
  Blocks(const Plan& plan, bool reuse) : plan_(plan), reuse_(reuse) {
    const std::size_t count = plan.tensors.size();
    root_.resize(count);
    std::iota(root_.begin(), root_.end(), std::size_t{0});
    first_.assign(count, 0);
    last_.assign(count, -1);
    const int steps = static_cast<int>(plan.steps.size());
    for (int s = 0; s < steps; ++s) {
      const Node& node = plan.graph.nodes()[static_cast<std::size_t>(s)];
      for (const TensorId id : node.inputs) {
        if (id) last_[index(id)] = s;
      }
      for (const TensorId id : node.outputs) {
        if (!id) continue;
        first_[index(id)] = s;
        last_[index(id)] = std::max(last_[index(id)], s);
      }
    }
    for (const TensorId id : plan.graph.outputs()) last_[index(id)] = steps;
    if (!reuse) std::ranges::fill(last_, steps);
  }

  std::size_t root(std::size_t i) const {
    while (root_[i] != i) i = root_[i];
    return i;
  }
  int first(std::size_t i) const { return first_[i]; }
  int last(std::size_t i) const { return last_[i]; }

  /// The two share memory from now on.
  void join(TensorId output, TensorId input) {
    const std::size_t from = root(index(output));
    const std::size_t to = root(index(input));
    root_[from] = to;
    first_[to] = std::min(first_[to], first_[from]);
    last_[to] = std::max(last_[to], last_[from]);
  }

  /// Whether step s may write an output over an input: it is not to be written over another one
  /// already, nobody reads that memory later, the step itself reads it once, it is the arena's and
  /// large enough.
  bool may_overwrite(int s, TensorId output, TensorId input,
                     const std::vector<PlannedTensor>& tensors) {
    if (!reuse_ || !output || !input || root(index(output)) != index(output)) return false;
    const std::size_t block = root(index(input));
    const Node& node = plan_.graph.nodes()[static_cast<std::size_t>(s)];
    const auto shares = [&](TensorId id) { return id && root(index(id)) == block; };
    return tensors[block].place == Place::kArena && last_[block] == s &&
           tensors[index(output)].bytes <= tensors[block].bytes &&
           std::ranges::count_if(node.inputs, shares) == 1;
  }

 private:
  const Plan& plan_;
  bool reuse_;
  std::vector<std::size_t> root_;
  std::vector<int> first_;
  std::vector<int> last_;
};

void set_places(Plan& plan) {
  std::size_t constants = 0;
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    const TensorInfo& info = plan.graph.tensors()[i];
    PlannedTensor& tensor = plan.tensors[i];
    switch (info.role) {
      case TensorRole::kInput:
        tensor.place = Place::kInput;
        break;
      case TensorRole::kParameter:
      case TensorRole::kBuffer:
        tensor.place = Place::kState;
        tensor.state = info.name;
        break;
      case TensorRole::kConstant:
        tensor.place = Place::kConstant;
        tensor.offset = constants;
        constants += aligned(tensor.bytes);
        break;
      case TensorRole::kResult:
        if (tensor.place == Place::kPrepared) break;
        tensor.place = info.type.record ? Place::kNorm : Place::kArena;
        break;
    }
  }
  plan.constants = AlignedBuffer(constants);
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    const TensorInfo& info = plan.graph.tensors()[i];
    if (info.role != TensorRole::kConstant || info.values->empty()) continue;
    std::memcpy(plan.constants.data() + plan.tensors[i].offset, info.values->data(),
                plan.tensors[i].bytes);
  }
}

/// A piece of the arena over steps [first, last].
struct Piece {
  std::size_t bytes;
  int first, last;
  std::size_t* offset;
};

/// Largest first, each at the lowest offset that is free over all of its steps (the greedy by size
/// of Pisarchyk & Lee 2020). Returns the bytes in all.
std::size_t assign_offsets(std::vector<Piece> pieces) {
  std::ranges::stable_sort(pieces, std::greater{}, &Piece::bytes);
  std::vector<const Piece*> placed;  // by offset
  std::size_t total = 0;
  for (const Piece& piece : pieces) {
    std::size_t offset = 0;
    for (const Piece* other : placed) {
      if (other->last < piece.first || piece.last < other->first) continue;
      if (offset + piece.bytes <= *other->offset) break;
      offset = std::max(offset, *other->offset + other->bytes);
    }
    *piece.offset = offset;
    total = std::max(total, offset + piece.bytes);
    const auto after =
        std::ranges::find_if(placed, [&](const Piece* other) { return *other->offset > offset; });
    placed.insert(after, &piece);
  }
  return total;
}

}  // namespace

void place_memory(Plan& plan, const SessionOptions& options) {
  const bool reuse = !skips(options, "reuse_memory");
  set_places(plan);
  Blocks blocks(plan, reuse);
  for (std::size_t s = 0; s < plan.steps.size(); ++s) {
    const Node& node = plan.graph.nodes()[s];
    const Step& step = plan.steps[s];
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      const TensorId output = node.outputs[i];
      if (!output) continue;
      PlannedTensor& tensor = plan.tensors[index(output)];
      if (tensor.place == Place::kNorm) {
        tensor.norm = step.norm;
        continue;
      }
      const int updated = node.operation->updates(static_cast<int>(i));
      if (updated >= 0 && plan.mode == Mode::kTraining)
        blocks.join(output, node.inputs[static_cast<std::size_t>(updated)]);
    }
    if (step.alias) blocks.join(node.outputs[0], node.inputs[0]);
    std::vector<bool> written(node.outputs.size());  // over an input, of which one is enough
    for (const auto& [output, input] : step.in_place) {
      if (written[static_cast<std::size_t>(output)]) continue;
      const TensorId from = node.inputs[static_cast<std::size_t>(input)];
      const TensorId to = node.outputs[static_cast<std::size_t>(output)];
      if (!blocks.may_overwrite(static_cast<int>(s), to, from, plan.tensors)) continue;
      blocks.join(to, from);
      written[static_cast<std::size_t>(output)] = true;
    }
  }

  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    PlannedTensor& tensor = plan.tensors[i];
    if (tensor.place != Place::kArena || blocks.root(i) != i) continue;
    pieces.push_back({aligned(tensor.bytes), blocks.first(i), blocks.last(i), &tensor.offset});
  }
  for (std::size_t s = 0; s < plan.steps.size(); ++s) {
    Step& step = plan.steps[s];
    if (step.scratch_bytes == 0) continue;
    pieces.push_back({aligned(step.scratch_bytes), static_cast<int>(s), static_cast<int>(s),
                      &step.scratch_offset});
  }
  plan.arena_bytes = assign_offsets(std::move(pieces));
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    const std::size_t root = blocks.root(i);
    if (root == i) continue;
    plan.tensors[i].place = plan.tensors[root].place;
    plan.tensors[i].offset = plan.tensors[root].offset;
    plan.tensors[i].state = plan.tensors[root].state;
    plan.tensors[i].root = static_cast<int>(root);
  }
}

}  // namespace equipoise::engine
