#pragma once

#include <memory>
#include <vector>

#include "engine/implementation.h"
#include "engine/onednn/adapter.h"

namespace equipoise::engine::onednn {

/// One of oneDNN's primitives, with which of the node's inputs and outputs are its arguments.
class PrimitiveKernel final : public Kernel {
 public:
  struct Binding {
    int argument;  ///< DNNL_ARG_…
    Desc desc;
    bool output;
    int index;
  };

  PrimitiveKernel(dnnl::primitive primitive, std::vector<Binding> bindings, const Desc& scratchpad)
      : primitive_(std::move(primitive)), bindings_(std::move(bindings)), scratchpad_(scratchpad) {}

  void run(const Arguments& arguments) const override;
  std::unique_ptr<KernelState> make_state() const override;

 private:
  dnnl::primitive primitive_;
  std::vector<Binding> bindings_;
  Desc scratchpad_;
};

}  // namespace equipoise::engine::onednn
