#include <algorithm>
#include <cstring>

#include "engine/lifetimes.h"
#include "engine/passes/pass.h"

namespace equipoise::engine {
namespace {

std::size_t index(TensorId id) { return static_cast<std::size_t>(id.index); }

void set_places(Plan& plan) {
  std::size_t constants = 0;
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    PlannedTensor& tensor = plan.tensors[i];
    if (tensor.place == Place::kPrepared) continue;
    const TensorInfo& info = plan.graph.tensors()[i];
    tensor.place = place_of(info);
    if (tensor.place == Place::kState) tensor.state = info.name;
    if (tensor.place == Place::kConstant) {
      tensor.offset = constants;
      constants += aligned(tensor.bytes);
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
  const Lifetimes lifetimes(uses_of(plan), plan.graph.outputs(), plan.tensors, plan.mode, reuse);
  for (std::size_t s = 0; s < plan.steps.size(); ++s) {
    for (const TensorId output : plan.graph.nodes()[s].outputs) {
      if (!output) continue;
      PlannedTensor& tensor = plan.tensors[index(output)];
      if (tensor.place == Place::kNorm) tensor.norm = plan.steps[s].norm;
    }
  }

  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    PlannedTensor& tensor = plan.tensors[i];
    if (tensor.place != Place::kArena || lifetimes.root(i) != i) continue;
    pieces.push_back(
        {aligned(tensor.bytes), lifetimes.first(i), lifetimes.last(i), &tensor.offset});
  }
  for (std::size_t s = 0; s < plan.steps.size(); ++s) {
    Step& step = plan.steps[s];
    if (step.scratch_bytes == 0) continue;
    pieces.push_back({aligned(step.scratch_bytes), static_cast<int>(s), static_cast<int>(s),
                      &step.scratch_offset});
  }
  plan.arena_bytes = assign_offsets(std::move(pieces));
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    const std::size_t root = lifetimes.root(i);
    if (root == i) continue;
    plan.tensors[i].place = plan.tensors[root].place;
    plan.tensors[i].offset = plan.tensors[root].offset;
    plan.tensors[i].state = plan.tensors[root].state;
    plan.tensors[i].root = static_cast<int>(root);
  }
}

}  // namespace equipoise::engine
