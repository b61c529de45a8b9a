#include "engine/onednn/primitive_kernel.h"

#include <unordered_map>

namespace equipoise::engine::onednn {

void PrimitiveKernel::run(const Arguments& arguments) const {
  std::unordered_map<int, dnnl::memory> memories;
  for (const Binding& binding : bindings_) {
    const auto& pointers = binding.output ? arguments.outputs : arguments.inputs;
    memories.emplace(
        binding.argument,
        dnnl::memory(binding.desc, cpu(), pointers[static_cast<std::size_t>(binding.index)]));
  }
  memories.emplace(DNNL_ARG_SCRATCHPAD, dnnl::memory(scratchpad_, cpu(), arguments.scratch));
  primitive_.execute(stream(), memories);
  stream().wait();
}

}  // namespace equipoise::engine::onednn
