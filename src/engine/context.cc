#include "engine/context.h"

namespace equipoise {

Context::Context() : memory_(std::make_unique<engine::ContextMemory>()) {}
Context::~Context() = default;
Context::Context(Context&&) noexcept = default;
Context& Context::operator=(Context&&) noexcept = default;

std::size_t Context::capacity() const { return memory_->arena.size(); }

void Context::set_norm(std::string_view node, NormSettings settings) {
  memory_->settings.insert_or_assign(std::string(node), std::move(settings));
}

void Context::reset_norms() { memory_->settings.clear(); }

namespace engine {

BoundPlan& ContextMemory::bind(const std::shared_ptr<const Plan>& plan, State& state) {
  arena.reserve(plan->arena_bytes);
  std::unique_ptr<BoundPlan>& bound = plans[plan.get()];
  if (!bound) {
    bound = std::make_unique<BoundPlan>();
    bound->plan = plan;
    bound->pointers.resize(plan->tensors.size());
    bound->run.norms.resize(plan->norm_nodes.size());
  }
  bound->arena = arena.data();
  for (std::size_t i = 0; i < plan->tensors.size(); ++i) {
    const PlannedTensor& tensor = plan->tensors[i];
    switch (tensor.place) {
      case Place::kArena:
        bound->pointers[i] = arena.data() + tensor.offset;
        break;
      case Place::kState:
        bound->pointers[i] = state.values(tensor.state).data();
        break;
      case Place::kConstant:
        bound->pointers[i] = plan->constants.data() + tensor.offset;
        break;
      case Place::kNorm:
        bound->pointers[i] = &bound->run.norms[static_cast<std::size_t>(tensor.norm)];
        break;
      case Place::kInput:
        break;
    }
  }
  for (std::size_t n = 0; n < plan->norm_nodes.size(); ++n) {
    NormSlot& slot = bound->run.norms[n];
    const auto found = settings.find(plan->norm_nodes[n]);
    slot.settings = found == settings.end() ? nullptr : &found->second;
    slot.running =
        plan->norm_running[n].empty() ? nullptr : state.running_statistics(plan->norm_running[n]);
    slot.has_moments = false;
  }
  return *bound;
}

}  // namespace engine
}  // namespace equipoise
