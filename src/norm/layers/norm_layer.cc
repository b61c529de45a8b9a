#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "equipoise/layers.h"
#include "norm/check.h"
#include "norm/record.h"

namespace equipoise {
namespace {

std::vector<float> parameter_values(Parameter parameter, std::int64_t count, float value) {
  return std::vector<float>(parameter == Parameter::kPresent ? static_cast<std::size_t>(count) : 0,
                            value);
}

// The functions of norm.h begin with their own name, in whose place the layer's goes.
Error named(const std::string& layer, std::string_view message) {
  constexpr std::string_view kFunctions[] = {"batch norm: ", "instance norm: ", "group norm: ",
                                             "layer norm: ", "RMS norm: ",      "norm backward: "};
  for (const std::string_view function : kFunctions) {
    if (message.starts_with(function)) message.remove_prefix(function.size());
  }
  return Error(fmt::format("{}: {}", layer, message));
}

}  // namespace

template <class LayerConfig>
NormLayer::NormLayer(const LayerConfig& config, std::int64_t parameters)
    : name_(config.name),
      epsilon_(config.epsilon),
      activation_(config.activation),
      negative_slope_(config.negative_slope),
      weight_(parameter_values(config.weight, parameters, 1)),
      bias_(parameter_values(config.bias, parameters, 0)),
      weight_gradient_(weight_.size()),
      bias_gradient_(bias_.size()) {
  if (!(epsilon_ > 0) || !std::isfinite(epsilon_)) {
    throw Error(fmt::format("{}: epsilon {}; it has to be positive and finite, such as 1e-5", name_,
                            epsilon_));
  }
}

template NormLayer::NormLayer(const BatchNormConfig&, std::int64_t);
template NormLayer::NormLayer(const InstanceNormConfig&, std::int64_t);
template NormLayer::NormLayer(const GroupNormConfig&, std::int64_t);
template NormLayer::NormLayer(const LayerNormConfig&, std::int64_t);
template NormLayer::NormLayer(const RmsNormConfig&, std::int64_t);

NormLayer::NormLayer(NormLayer&&) noexcept = default;
NormLayer& NormLayer::operator=(NormLayer&&) noexcept = default;
NormLayer::~NormLayer() = default;

std::span<float> NormLayer::weight_gradient() {
  return affine_ == Affine::kTrained ? std::span<float>(weight_gradient_) : std::span<float>();
}

std::span<float> NormLayer::bias_gradient() {
  return affine_ == Affine::kTrained ? std::span<float>(bias_gradient_) : std::span<float>();
}

std::span<const float> NormLayer::weight_gradient() const {
  return affine_ == Affine::kTrained ? std::span(weight_gradient_) : std::span<const float>();
}

std::span<const float> NormLayer::bias_gradient() const {
  return affine_ == Affine::kTrained ? std::span(bias_gradient_) : std::span<const float>();
}

void NormLayer::forward(const ConstTensorView& x, const TensorView& y,
                        const ForwardOptions& options) {
  check(x);
  const NormForward arguments{.x = x,
                              .y = y,
                              .weight = weight_,
                              .bias = bias_,
                              .epsilon = epsilon_,
                              .activation = activation_,
                              .negative_slope = negative_slope_,
                              .residual = options.residual,
                              .position_weights = options.position_weights,
                              .sample_moments = options.sample_moments,
                              .workspace = &workspace_};
  // An exchange between ranks that fails leaves nothing to go back from.
  const auto keep_record = [this] {
    has_record_ = has_record_ && norm::Internals::of(record_).filled;
  };
  try {
    normalize(arguments, options.collect_moments, record_);
  } catch (const Error& error) {
    keep_record();
    throw named(name_, error.what());
  } catch (...) {
    keep_record();
    throw;
  }
  // A backward would read y where it expects x or the residual.
  const bool overwritten =
      y.data == x.data || (norm::backward_reads_residual(norm::Internals::of(record_)) &&
                           y.data == options.residual.data);
  has_record_ = !overwritten || x.shape.element_count() == 0;
}

void NormLayer::backward(const ConstTensorView& x, const ConstTensorView& dy, const TensorView& dx,
                         const BackwardOptions& options) {
  if (!has_record_) {
    throw Error(fmt::format(
        "{}: backward without a forward to go back from; run one first, not in place", name_));
  }
  check(x);
  const NormBackward arguments{.x = x,
                               .dy = dy,
                               .dy_second = options.dy_second,
                               .dx = dx,
                               .dresidual = options.dresidual,
                               .residual = options.residual,
                               .weight = weight_,
                               .bias = bias_,
                               .position_weights = options.position_weights,
                               .dweight = weight_gradient(),
                               .dbias = bias_gradient(),
                               .workspace = &workspace_};
  try {
    norm_backward(arguments, record_);
  } catch (const Error& error) {
    throw named(name_, error.what());
  }
}

}  // namespace equipoise
