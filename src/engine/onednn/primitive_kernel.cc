#include "engine/onednn/primitive_kernel.h"

namespace equipoise::engine::onednn {
namespace {

/// oneDNN's handles of memory, which are made once and pointed elsewhere where that changes.
class Memories final : public KernelState {
 public:
  void add(int argument, const Desc& desc) {
    memories_.emplace_back(desc, cpu(), nullptr);  // DNNL_MEMORY_NONE
    pointers_.push_back(nullptr);
    arguments_.push_back({argument, memories_.back().get()});
  }

  void point(std::size_t i, void* pointer) {
    if (pointers_[i] == pointer) return;
    memories_[i].set_data_handle(pointer);
    pointers_[i] = pointer;
  }

  /// As primitive::execute, which makes a map and a vector of them.
  void execute(const dnnl::primitive& primitive) {
    dnnl::error::wrap_c_api(
        dnnl_primitive_execute(primitive.get(), stream().get(), static_cast<int>(arguments_.size()),
                               arguments_.data()),
        "could not execute a primitive");
    stream().wait();
  }

 private:
  std::vector<dnnl::memory> memories_;
  std::vector<void*> pointers_;
  std::vector<dnnl_exec_arg_t> arguments_;
};

}  // namespace

std::unique_ptr<KernelState> PrimitiveKernel::make_state() const {
  auto memories = std::make_unique<Memories>();
  for (const Binding& binding : bindings_) memories->add(binding.argument, binding.desc);
  memories->add(DNNL_ARG_SCRATCHPAD, scratchpad_);
  return memories;
}

void PrimitiveKernel::run(const Arguments& arguments) const {
  const std::unique_ptr<KernelState> own = arguments.state == nullptr ? make_state() : nullptr;
  auto& memories = static_cast<Memories&>(own ? *own : *arguments.state);
  for (std::size_t i = 0; i < bindings_.size(); ++i) {
    const auto& pointers = bindings_[i].output ? arguments.outputs : arguments.inputs;
    memories.point(i, pointers[static_cast<std::size_t>(bindings_[i].index)]);
  }
  memories.point(bindings_.size(), arguments.scratch);
  memories.execute(primitive_);
}

}  // namespace equipoise::engine::onednn
