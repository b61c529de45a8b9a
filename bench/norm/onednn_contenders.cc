#include <memory>
#include <optional>
#include <random>

#include <fmt/format.h>
#include <oneapi/dnnl/dnnl.hpp>

#include "base/aligned_buffer.h"
#include "norm/contender.h"

namespace equipoise::bench {
namespace {

using dnnl::memory;
using Forward = dnnl::batch_normalization_forward;
using Backward = dnnl::batch_normalization_backward;
using Flags = dnnl::normalization_flags;

memory::format_tag format_of(Layout layout) {
  switch (layout) {
    case Layout::kChannelsFirst:
      return memory::format_tag::nchw;
    case Layout::kChannelsLast:
      return memory::format_tag::nhwc;
    case Layout::kBlocked8:
      return memory::format_tag::nChw8c;
    case Layout::kBlocked16:
      return memory::format_tag::nChw16c;
  }
  return memory::format_tag::undef;
}

// A batch norm with what its documentation recommends: the activation fused (training then keeps a
// workspace), memory for scratch and workspace ours and allocated before anything is timed,
// primitives and memory objects made once.
class BatchNorm {
 public:
  BatchNorm(const NormCase& norm_case, Variant variant, const RotatedSets& sets, int threads)
      : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
    const Shape& shape = norm_case.shape;
    const memory::desc data(
        {shape[0], shape[1], shape[2], shape[3]},
        variant.dtype == DType::kF32 ? memory::data_type::f32 : memory::data_type::bf16,
        format_of(variant.layout));
    Flags flags = Flags::use_scale | Flags::use_shift;
    if (norm_case.activation == Activation::kRelu) flags |= Flags::fuse_norm_relu;
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const Forward::primitive_desc forward_desc(
        Forward::desc(dnnl::prop_kind::forward_training, data, kEpsilon, flags), attributes,
        engine_);
    const Backward::primitive_desc backward_desc(
        Backward::desc(dnnl::prop_kind::backward, data, data, kEpsilon, flags), attributes, engine_,
        forward_desc);
    forward_ = Forward(forward_desc);
    backward_ = Backward(backward_desc);
    forward_implementation_ = forward_desc.impl_info_str();
    backward_implementation_ = backward_desc.impl_info_str();

    const memory scale = vector_of(shape.channels(), 1.0F);
    const memory shift = vector_of(shape.channels(), 0.0F);
    const memory dscale = vector_of(shape.channels(), 0.0F);
    const memory dshift = vector_of(shape.channels(), 0.0F);
    const memory forward_scratch = allocate(forward_desc.scratchpad_desc(), threads);
    const memory backward_scratch = allocate(backward_desc.scratchpad_desc(), threads);
    for (std::size_t set = 0; set < sets.size(); ++set) {
      const RotatedSets::Tensors& t = sets.tensors(set, variant.dtype);
      const memory x(data, engine_, t.x);
      const memory mean = vector_of(shape.channels(), 0.0F);
      const memory variance = vector_of(shape.channels(), 1.0F);
      const memory workspace = allocate(forward_desc.workspace_desc(), threads);
      forward_arguments_.push_back({{DNNL_ARG_SRC, x},
                                    {DNNL_ARG_DST, memory(data, engine_, t.y)},
                                    {DNNL_ARG_MEAN, mean},
                                    {DNNL_ARG_VARIANCE, variance},
                                    {DNNL_ARG_SCALE, scale},
                                    {DNNL_ARG_SHIFT, shift},
                                    {DNNL_ARG_WORKSPACE, workspace},
                                    {DNNL_ARG_SCRATCHPAD, forward_scratch}});
      backward_arguments_.push_back({{DNNL_ARG_SRC, x},
                                     {DNNL_ARG_DIFF_DST, memory(data, engine_, t.dy)},
                                     {DNNL_ARG_DIFF_SRC, memory(data, engine_, t.dx)},
                                     {DNNL_ARG_MEAN, mean},
                                     {DNNL_ARG_VARIANCE, variance},
                                     {DNNL_ARG_SCALE, scale},
                                     {DNNL_ARG_SHIFT, shift},
                                     {DNNL_ARG_DIFF_SCALE, dscale},
                                     {DNNL_ARG_DIFF_SHIFT, dshift},
                                     {DNNL_ARG_WORKSPACE, workspace},
                                     {DNNL_ARG_SCRATCHPAD, backward_scratch}});
    }
  }

  void forward(std::size_t set) {
    forward_.execute(stream_, forward_arguments_[set]);
    stream_.wait();
  }
  void backward(std::size_t set) {
    backward_.execute(stream_, backward_arguments_[set]);
    stream_.wait();
  }
  const std::string& forward_implementation() const { return forward_implementation_; }
  const std::string& backward_implementation() const { return backward_implementation_; }

 private:
  using Arguments = std::unordered_map<int, memory>;
  static constexpr float kEpsilon = 1e-5F;

  memory allocate(const memory::desc& desc, int threads) {
    const AlignedBuffer& buffer = buffers_.emplace_back(desc.get_size());
    const auto bytes = static_cast<std::int64_t>(buffer.size());
#pragma omp parallel for num_threads(threads) schedule(static)
    for (std::int64_t i = 0; i < bytes; ++i) buffer.data()[i] = std::byte{0};
    return memory(desc, engine_, buffer.data());
  }

  memory vector_of(std::int64_t channels, float value) {
    const memory::desc desc({channels}, memory::data_type::f32, memory::format_tag::x);
    memory result = allocate(desc, 1);
    std::fill_n(static_cast<float*>(result.get_data_handle()), channels, value);
    return result;
  }

  dnnl::engine engine_;
  dnnl::stream stream_;
  Forward forward_;
  Backward backward_;
  std::string forward_implementation_;
  std::string backward_implementation_;
  std::vector<AlignedBuffer> buffers_;
  std::vector<Arguments> forward_arguments_;
  std::vector<Arguments> backward_arguments_;
};

}  // namespace

std::string onednn_version() {
  const dnnl::version_t* version = dnnl::version();
  return fmt::format("{}.{}.{}", version->major, version->minor, version->patch);
}

std::vector<Contender> onednn_contenders(const NormCase& norm_case, Variant variant,
                                         const RotatedSets& sets, int threads) {
  if (norm_case.normalization != Normalization::kBatch) return {};
  std::shared_ptr<BatchNorm> batch_norm;
  try {
    batch_norm = std::make_shared<BatchNorm>(norm_case, variant, sets, threads);
  } catch (const dnnl::error& e) {
    if (e.status == dnnl_unimplemented) return {};
    throw;
  }
  return {{.who = "onednn",
           .pass = "forward",
           .variant = variant,
           .implementation = batch_norm->forward_implementation(),
           .run = [batch_norm](std::size_t set) { batch_norm->forward(set); }},
          {.who = "onednn",
           .pass = "backward",
           .variant = variant,
           .implementation = batch_norm->backward_implementation(),
           .run = [batch_norm](std::size_t set) { batch_norm->backward(set); }}};
}

}  // namespace equipoise::bench
