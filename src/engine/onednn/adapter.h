#pragma once

/// All that differs between oneDNN 2.6 and 3.x, and what the implementations share.

#include <optional>
#include <string>

#include <oneapi/dnnl/dnnl.hpp>

#include "engine/format.h"
#include "equipoise/operations.h"
#include "equipoise/tensor.h"

namespace equipoise::engine::onednn {

using Dims = dnnl::memory::dims;
using Desc = dnnl::memory::desc;

/// "2.6.3"
std::string version();

const dnnl::engine& cpu();
dnnl::stream& stream();

Dims dims_of(const Shape& shape);
Dims dims_of(const Desc& desc);
/// (N, C, H, W) in a layout.
Desc images(const Shape& shape, Layout layout);
Desc row_major(const Dims& dims);
/// oneDNN's choice.
Desc any(const Dims& dims);

/// Weights of a convolution as oneDNN sees them: (O, I, h, w), or (G, O/G, I/G, h, w).
Dims weights_dims(const Shape& shape, std::int64_t groups);

/// The format of weights that are described so.
Format weights_format(const Desc& desc);
/// The other way round.
Desc weights_desc(const Format& format, const Dims& dims);

/// Between two formats of weights, one of which may be row-major.
void copy_weights(const Format& from, const void* src, const Format& to, void* dst);

/// "AcdB16a16b": which dimension, outermost first, and the blocks inside; a capital letter is
/// blocked.
std::string describe(const Desc& desc);

struct ConvolutionGeometry {
  Dims strides, dilates, padding_begin, padding_end;
};

/// With which primitives are made: scratchpads are the user's.
dnnl::primitive_attr user_scratchpad();

enum class Accumulate : bool { kNo, kYes };

/// The same for one that computes f(dst + …), of what dst held before, or f(…). None if oneDNN has
/// no such f, to rounding.
std::optional<dnnl::primitive_attr> with_post_ops(Accumulate accumulate,
                                                  std::optional<ops::Function> function,
                                                  float negative_slope);

/// None where oneDNN has no implementation. `bias` may be empty.
std::optional<dnnl::convolution_forward::primitive_desc> convolution_forward(
    dnnl::prop_kind kind, const Desc& src, const Desc& weights, const Desc& bias, const Desc& dst,
    const ConvolutionGeometry& geometry,
    const dnnl::primitive_attr& attributes = user_scratchpad());
std::optional<dnnl::convolution_backward_data::primitive_desc> convolution_backward_data(
    const Desc& diff_src, const Desc& weights, const Desc& diff_dst,
    const ConvolutionGeometry& geometry);
std::optional<dnnl::convolution_backward_weights::primitive_desc> convolution_backward_weights(
    const Desc& src, const Desc& diff_weights, const Desc& diff_bias, const Desc& diff_dst,
    const ConvolutionGeometry& geometry);
std::optional<dnnl::matmul::primitive_desc> matmul(const Desc& a, const Desc& b, const Desc& bias,
                                                   const Desc& c);

}  // namespace equipoise::engine::onednn

namespace equipoise::engine {

class BlockedWeights {
 public:
  explicit BlockedWeights(const onednn::Desc& desc) : desc_(desc) {}
  const onednn::Desc& desc() const { return desc_; }

 private:
  onednn::Desc desc_;
};

}  // namespace equipoise::engine
