#include "norm/check.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "norm/derivative.h"

namespace equipoise::norm {
namespace {

template <class... Args>
[[noreturn]] void fail(std::string_view what, fmt::format_string<Args...> message, Args&&... args) {
  throw Error(fmt::format("{}: {}", what, fmt::format(message, std::forward<Args>(args)...)));
}

enum class InPlace : std::uint8_t { kForbidden, kAllowed };

// Somebody's memory.
struct Region {
  std::string_view name;
  const std::byte* begin = nullptr;
  const std::byte* end = nullptr;
  // An output and an input that both allow it may be the same memory exactly.
  InPlace in_place = InPlace::kForbidden;
};

std::size_t byte_count(const ConstTensorView& view) {
  return static_cast<std::size_t>(storage_elements(view.shape, view.layout)) * size_of(view.dtype);
}

// `bytes`: of all tensors of the call, which are alike.
Region region_of(std::string_view name, const ConstTensorView& view, std::size_t bytes,
                 InPlace in_place = InPlace::kForbidden) {
  const auto* begin = static_cast<const std::byte*>(view.data);
  return {.name = name,
          .begin = begin,
          .end = begin == nullptr ? begin : begin + bytes,
          .in_place = in_place};
}

template <class T>
Region region_of(std::string_view name, std::span<T> values) {
  const auto bytes = std::as_bytes(values);
  return {.name = name, .begin = bytes.data(), .end = bytes.data() + bytes.size()};
}

bool are_apart(const Region& a, const Region& b) {
  return a.begin >= b.end || b.begin >= a.end || a.begin == a.end || b.begin == b.end;
}

void check_overlap(std::string_view what, const Region& out, const Region& other,
                   InPlace in_place) {
  const bool may_be_same = in_place == InPlace::kAllowed;
  if (may_be_same && out.begin == other.begin) return;
  fail(what, "{} overlaps {}; {}", out.name, other.name,
       may_be_same ? "give it the same memory exactly, or memory of its own"
                   : "give it memory of its own");
}

void check_overlaps(std::string_view what, std::span<const Region> written,
                    std::span<const Region> read) {
  for (; !written.empty(); written = written.subspan(1)) {
    const Region& out = written.front();
    for (const Region& in : read) {
      if (!are_apart(out, in)) check_overlap(what, out, in, std::min(out.in_place, in.in_place));
    }
    for (const Region& other : written.subspan(1)) {
      if (!are_apart(out, other)) check_overlap(what, out, other, InPlace::kForbidden);
    }
  }
}

std::array<Region, 2> written_by(const NormForward& a, std::size_t bytes) {
  return {region_of("y", a.y, bytes, InPlace::kAllowed),
          region_of("sample_moments", a.sample_moments)};
}

// A default view. One that has a shape is of a tensor, and one without data has lost it.
bool is_none(const ConstTensorView& view) { return view.data == nullptr && view.shape.rank() == 0; }

void check_positive(std::string_view what, std::string_view name, double value) {
  if (!(value > 0) || !std::isfinite(value))
    fail(what, "{} is {}; it must be finite and > 0", name, value);
}

}  // namespace

bool backward_reads_residual(const NormRecord::State& state) {
  return state.has_residual && derivative_from(state.activation) == DerivativeFrom::kZ;
}

void check_tensor(std::string_view what, std::string_view name, const ConstTensorView& view) {
  if (view.layout > Layout::kBlocked16) {
    fail(what, "{} has unknown layout {}; use one of Layout's", name,
         static_cast<int>(view.layout));
  }
  if (view.dtype > DType::kBF16) {
    fail(what, "{} has unknown dtype {}; use one of DType's", name, static_cast<int>(view.dtype));
  }
  if (is_none(view)) fail(what, "{} is missing (null, without a shape); give the tensor", name);
  if (view.shape.rank() < 2) {
    fail(what, "{} has shape {}; it needs at least the dimensions (N, C)", name,
         to_string(view.shape));
  }
  if (view.data == nullptr && view.shape.element_count() > 0) {
    fail(what, "{} has no data (null) for shape {}; point it at the tensor's first element", name,
         to_string(view.shape));
  }
  if (reinterpret_cast<std::uintptr_t>(view.data) % size_of(view.dtype) != 0 &&
      view.shape.element_count() > 0) {
    fail(what, "{} is misaligned at address {}; {} elements need multiples of {} bytes", name,
         view.data, to_string(view.dtype), size_of(view.dtype));
  }
}

void check_like(std::string_view what, std::string_view name, const ConstTensorView& view,
                const ConstTensorView& x) {
  check_tensor(what, name, view);
  if (view.shape != x.shape) {
    fail(what, "{} has shape {}, x has {}; they must be equal", name, to_string(view.shape),
         to_string(x.shape));
  }
  if (view.layout != x.layout) {
    fail(what, "{} has layout {}, x has {}; they must be equal", name, to_string(view.layout),
         to_string(x.layout));
  }
  if (view.dtype != x.dtype) {
    fail(what, "{} has dtype {}, x has {}; they must be equal", name, to_string(view.dtype),
         to_string(x.dtype));
  }
}

void check_optional(std::string_view what, std::string_view name, const ConstTensorView& view,
                    const ConstTensorView& x) {
  if (is_none(view)) return;
  if (view.data == nullptr && view.shape.element_count() > 0) {
    fail(what,
         "{} has no data (null) for shape {}; point it at the tensor's first element, or give a "
         "view without a shape for none",
         name, to_string(view.shape));
  }
  check_like(what, name, view, x);
}

void check_parameter(std::string_view what, std::string_view name, std::span<const float> values,
                     const Parameters& parameters) {
  if (!values.empty() && static_cast<std::int64_t>(values.size()) != parameters.count) {
    fail(what, "{} has {} elements where x has {} {}s; give one per {}, or none", name,
         values.size(), parameters.count, parameters.per, parameters.per);
  }
}

void check_position_weights(std::string_view what, std::span<const float> weights,
                            const Shape& shape) {
  if (weights.empty()) return;
  const std::int64_t positions = shape.samples() * shape.positions();
  if (static_cast<std::int64_t>(weights.size()) != positions) {
    fail(what,
         "position_weights has {} elements; the mask of x {} needs N·S = {}, one per (sample, "
         "position)",
         weights.size(), to_string(shape), positions);
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!(weights[i] >= 0) || !std::isfinite(weights[i])) {
      fail(what, "position_weights[{}] is {}; weights must be finite and at least 0", i,
           weights[i]);
    }
  }
}

void check_forward(std::string_view what, const NormForward& a, const Parameters& parameters) {
  check_tensor(what, "x", a.x);
  check_like(what, "y", a.y, a.x);
  check_optional(what, "residual", a.residual, a.x);
  if (a.activation > Activation::kHardSwish) {
    fail(what, "unknown activation {}; use one of Activation's", static_cast<int>(a.activation));
  }
  check_parameter(what, "weight", a.weight, parameters);
  check_parameter(what, "bias", a.bias, parameters);
  check_positive(what, "epsilon", a.epsilon);
  if (!std::isfinite(a.negative_slope))
    fail(what, "negative_slope is {}; it must be finite", a.negative_slope);
  check_position_weights(what, a.position_weights, a.x.shape);
  const std::int64_t sample_channels = a.x.shape.samples() * a.x.shape.channels();
  if (!a.sample_moments.empty() &&
      static_cast<std::int64_t>(a.sample_moments.size()) != sample_channels) {
    fail(what, "sample_moments has {} entries; it needs N·C = {}", a.sample_moments.size(),
         sample_channels);
  }
  const std::size_t bytes = byte_count(a.x);
  const Region read[] = {region_of("x", a.x, bytes, InPlace::kAllowed),
                         region_of("the residual", a.residual, bytes, InPlace::kAllowed),
                         region_of("weight", a.weight), region_of("bias", a.bias),
                         region_of("position_weights", a.position_weights)};
  check_overlaps(what, written_by(a, bytes), read);
}

void check_options(const BatchNormOptions& o, const NormForward& a) {
  constexpr std::string_view kWhat = "batch norm";
  if (o.statistics > Statistics::kBlend) {
    fail(kWhat, "unknown statistics {}; use one of Statistics'", static_cast<int>(o.statistics));
  }
  if (o.statistics != Statistics::kBatch || o.renorm) {
    const auto channels = static_cast<std::size_t>(a.x.shape.channels());
    if (o.running_mean.size() != channels || o.running_var.size() != channels) {
      fail(kWhat,
           "running_mean and running_var have {} and {} elements where x has {} channels; {} need "
           "one per channel",
           o.running_mean.size(), o.running_var.size(), channels,
           o.renorm ? "renormalization's" : "running statistics that normalize");
    }
    for (std::size_t c = 0; c < channels; ++c) {
      if (o.running_var[c] < 0) {
        fail(kWhat,
             "running_var[{}] is {}; a variance is at least 0, so the state is damaged: recompute "
             "it",
             c, o.running_var[c]);
      }
    }
    const Region read[] = {region_of("running_mean", o.running_mean),
                           region_of("running_var", o.running_var)};
    check_overlaps(kWhat, written_by(a, byte_count(a.x)), read);
  }
  if (o.statistics == Statistics::kBlend) check_positive(kWhat, "pseudo_count", o.pseudo_count);
  if (o.ghost_batch_size < 0) {
    fail(kWhat, "ghost_batch_size is {}; give a number of samples, or 0 for the whole batch",
         o.ghost_batch_size);
  }
  if (o.ghost_batch_size > 0 && o.communicator != nullptr) {
    fail(kWhat,
         "ghost batches and a communicator contradict each other: one makes the batch of the "
         "statistics smaller, "
         "the other larger; use one of them");
  }
  if (o.renorm) {
    if (o.statistics != Statistics::kBatch)
      fail(kWhat, "renorm corrects batch statistics; use it with kBatch");
    if (!(o.renorm->r_max >= 1) || !std::isfinite(o.renorm->r_max)) {
      fail(kWhat, "renorm's r_max is {}; it must be finite and at least 1", o.renorm->r_max);
    }
    if (!(o.renorm->d_max >= 0) || !std::isfinite(o.renorm->d_max)) {
      fail(kWhat, "renorm's d_max is {}; it must be finite and at least 0", o.renorm->d_max);
    }
  }
}

void check_moments_apart(std::span<const Moments> out, const ConstTensorView& x,
                         std::span<const float> position_weights) {
  const Region written[] = {region_of("the result", out)};
  const Region read[] = {region_of("x", x, byte_count(x)),
                         region_of("position_weights", position_weights)};
  check_overlaps("moments", written, read);
}

Parameters per_channel(const Shape& shape) { return {.count = shape.channels(), .per = "channel"}; }

Parameters checked_axes(std::string_view what, const Shape& shape, LayerAxes axes) {
  if (axes.over == NormalizedOver::kChannels) {
    if (axes.trailing != 0) {
      fail(what, "trailing is {} beside NormalizedOver::kChannels; give one of them",
           axes.trailing);
    }
    return per_channel(shape);
  }
  if (axes.trailing < 1 || axes.trailing >= shape.rank()) {
    fail(what,
         "trailing is {} for x of shape {}; give 1 to {} dimensions, or NormalizedOver::kChannels",
         axes.trailing, to_string(shape), shape.rank() - 1);
  }
  std::int64_t count = 1;
  for (int i = shape.rank() - axes.trailing; i < shape.rank(); ++i) count *= shape[i];
  return {.count = count, .per = "normalized element"};
}

namespace {

void check_recorded(std::string_view what, const ConstTensorView& x,
                    const NormRecord::State& state) {
  if (!state.filled) fail(what, "the record is empty; give it to the forward first");
  check_tensor(what, "x", x);
  if (x.shape != state.shape || x.layout != state.layout || x.dtype != state.dtype) {
    fail(what, "x is {} {} {}, the forward's was {} {} {}; give the same tensor",
         to_string(x.shape), to_string(x.layout), to_string(x.dtype), to_string(state.shape),
         to_string(state.layout), to_string(state.dtype));
  }
}

void check_as_before(std::string_view what, std::string_view name, bool had, bool has) {
  if (had != has) fail(what, "the forward had {} {}; give the same", had ? "a" : "no", name);
}

Parameters recorded_parameters(std::string_view what, const NormRecord::State& state) {
  return state.over_axes ? checked_axes(what, state.shape, state.axes) : per_channel(state.shape);
}

}  // namespace

void check_repeat(const NormForward& a, const NormRecord::State& state) {
  constexpr std::string_view kWhat = "norm repeat";
  check_recorded(kWhat, a.x, state);
  check_forward(kWhat, a, recorded_parameters(kWhat, state));
  if (state.shape.element_count() > 0) {
    check_as_before(kWhat, "residual", state.has_residual, static_cast<bool>(a.residual));
  }
  check_as_before(kWhat, "weight", state.has_weight, !a.weight.empty());
  check_as_before(kWhat, "bias", state.has_bias, !a.bias.empty());
}

void check_backward(const NormBackward& a, const NormRecord::State& state) {
  constexpr std::string_view kWhat = "norm backward";
  check_recorded(kWhat, a.x, state);
  check_like(kWhat, "dy", a.dy, a.x);
  check_optional(kWhat, "dy_second", a.dy_second, a.x);
  check_optional(kWhat, "dx", a.dx, a.x);
  check_optional(kWhat, "dresidual", a.dresidual, a.x);
  if (backward_reads_residual(state)) {
    check_optional(kWhat, "residual", a.residual, a.x);
    if (!a.residual && state.shape.element_count() > 0) {
      fail(kWhat, "the forward added a residual before {}; the derivative needs it again",
           to_string(state.activation));
    }
  }
  const Parameters parameters = recorded_parameters(kWhat, state);
  check_parameter(kWhat, "weight", a.weight, parameters);
  check_parameter(kWhat, "bias", a.bias, parameters);
  check_as_before(kWhat, "weight", state.has_weight, !a.weight.empty());
  check_as_before(kWhat, "bias", state.has_bias, !a.bias.empty());
  check_parameter(kWhat, "dweight", a.dweight, parameters);
  check_parameter(kWhat, "dbias", a.dbias, parameters);
  if (state.has_position_weights != !a.position_weights.empty() &&
      state.shape.element_count() > 0) {
    fail(kWhat, "the forward had {}; give the backward the same",
         state.has_position_weights ? "position_weights" : "no position_weights");
  }
  check_position_weights(kWhat, a.position_weights, state.shape);
  const std::size_t bytes = byte_count(a.x);
  const Region written[] = {region_of("dx", a.dx, bytes, InPlace::kAllowed),
                            region_of("dresidual", a.dresidual, bytes, InPlace::kAllowed),
                            region_of("dweight", a.dweight), region_of("dbias", a.dbias)};
  const Region read[] = {region_of("dy", a.dy, bytes, InPlace::kAllowed),
                         region_of("dy_second", a.dy_second, bytes),
                         region_of("x", a.x, bytes),
                         region_of("the residual", a.residual, bytes),
                         region_of("weight", a.weight),
                         region_of("bias", a.bias),
                         region_of("position_weights", a.position_weights)};
  check_overlaps(kWhat, written, read);
}

}  // namespace equipoise::norm
