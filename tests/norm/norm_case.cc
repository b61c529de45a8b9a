#include "norm/norm_case.h"

#include <limits>
#include <ostream>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "equipoise/runtime.h"

namespace equipoise::testing {
namespace {

const char* to_string(Normalization normalization) {
  switch (normalization) {
    case Normalization::kBatch:
      return "batch";
    case Normalization::kInstance:
      return "instance";
    case Normalization::kGroup:
      return "group";
    case Normalization::kLayer:
      return "layer";
    case Normalization::kRms:
      return "rms";
  }
  return "?";
}

}  // namespace

std::string describe(const Method& method) {
  std::string text = fmt::format("{} norm", to_string(method.normalization));
  if (method.normalization == Normalization::kBatch) {
    text += fmt::format(" statistics={}", to_string(method.statistics));
    if (method.ghost_batch_size > 0) text += fmt::format(" ghost={}", method.ghost_batch_size);
    if (method.renorm) text += " renorm";
    if (method.collect_moments) text += " collect_moments";
  }
  if (method.normalization == Normalization::kGroup)
    text += fmt::format(" groups={}", method.groups);
  if (method.is_row_wise()) {
    text += method.axes.over == NormalizedOver::kChannels
                ? " over channels"
                : fmt::format(" trailing={}", method.axes.trailing);
  }
  return text;
}

std::string describe(const Case& test) {
  constexpr const char* kWeightings[] = {"none", "mask", "fractional"};
  constexpr const char* kValues[] = {"normal", "large mean", "outliers", "constant channels"};
  constexpr const char* kInPlace[] = {"no", "dx over dy", "dresidual over dy"};
  return fmt::format(
      "{} {} {} {} activation={} weight={} bias={} residual={} position weights={} "
      "values={} sample_moments={} dx={} dresidual={} parameter gradients={} dy_second={} in "
      "place={} misalignment={} threads={} epsilon={} seed={} target={}",
      describe(test.method), equipoise::to_string(test.shape), equipoise::to_string(test.layout),
      equipoise::to_string(test.dtype), equipoise::to_string(test.activation), test.weight,
      test.bias, test.residual, kWeightings[static_cast<int>(test.weighting)],
      kValues[static_cast<int>(test.values)], test.sample_moments, test.dx, test.dresidual,
      test.parameter_gradients, test.dy_second, kInPlace[static_cast<int>(test.in_place)],
      test.misalignment, test.threads, test.epsilon, test.seed, simd_target());
}

void PrintTo(const Case& test, std::ostream* out) { *out << describe(test); }

std::int64_t row_length(const Case& test) {
  std::int64_t length = 1;
  for (int i = 0; i < test.method.axes.trailing; ++i) {
    length *= test.shape[test.shape.rank() - 1 - i];
  }
  return length;
}

std::int64_t parameter_count(const Case& test) {
  const bool over_trailing =
      test.method.is_row_wise() && test.method.axes.over != NormalizedOver::kChannels;
  return over_trailing ? row_length(test) : test.shape.channels();
}

reference::Output reference_forward(const Case& test, const Problem& problem) {
  const reference::Arguments& arguments = problem.arguments;
  const bool over_channels = test.method.axes.over == NormalizedOver::kChannels;
  switch (test.method.normalization) {
    case Normalization::kBatch:
      return reference::batch_norm(arguments, problem.batch);
    case Normalization::kInstance:
      return reference::instance_norm(arguments);
    case Normalization::kGroup:
      return reference::group_norm(arguments, test.method.groups);
    case Normalization::kLayer:
      return over_channels ? reference::layer_norm_channels(arguments)
                           : reference::layer_norm(arguments, row_length(test));
    case Normalization::kRms:
      return over_channels ? reference::rms_norm_channels(arguments)
                           : reference::rms_norm(arguments, row_length(test));
  }
  return {};
}

reference::Gradients reference_backward(const Case& test, const Problem& problem) {
  const reference::Arguments& arguments = problem.arguments;
  const bool over_channels = test.method.axes.over == NormalizedOver::kChannels;
  switch (test.method.normalization) {
    case Normalization::kBatch:
      return reference::batch_norm_backward(arguments, problem.batch, problem.dy);
    case Normalization::kInstance:
      return reference::instance_norm_backward(arguments, problem.dy);
    case Normalization::kGroup:
      return reference::group_norm_backward(arguments, test.method.groups, problem.dy);
    case Normalization::kLayer:
      return over_channels
                 ? reference::layer_norm_channels_backward(arguments, problem.dy)
                 : reference::layer_norm_backward(arguments, row_length(test), problem.dy);
    case Normalization::kRms:
      return over_channels ? reference::rms_norm_channels_backward(arguments, problem.dy)
                           : reference::rms_norm_backward(arguments, row_length(test), problem.dy);
  }
  return {};
}

void call_forward(const Method& method, const Problem& problem, const NormForward& arguments,
                  NormRecord* record, Communicator* communicator) {
  switch (method.normalization) {
    case Normalization::kBatch:
      batch_norm(arguments,
                 {.statistics = method.statistics,
                  .running_mean = problem.running_mean,
                  .running_var = problem.running_var,
                  .pseudo_count = problem.batch.pseudo_count,
                  .ghost_batch_size = method.ghost_batch_size,
                  .renorm = problem.batch.renorm,
                  .communicator = communicator,
                  .collect_moments = method.collect_moments},
                 record);
      break;
    case Normalization::kInstance:
      instance_norm(arguments, record);
      break;
    case Normalization::kGroup:
      group_norm(arguments, method.groups, record);
      break;
    case Normalization::kLayer:
      layer_norm(arguments, method.axes, record);
      break;
    case Normalization::kRms:
      rms_norm(arguments, method.axes, record);
      break;
  }
}

ForwardRun run_forward(const Case& test, const Problem& problem, NormRecord* record,
                       Workspace* workspace, Communicator* communicator) {
  const reference::Arguments& in = problem.arguments;
  ForwardRun run;
  run.x = TensorBuffer(in.x, test.shape, test.layout, test.dtype, test.misalignment);
  run.y = TensorBuffer(test.shape, test.layout, test.dtype, test.misalignment);
  if (test.residual) {
    run.residual =
        TensorBuffer(in.residual, test.shape, test.layout, test.dtype, test.misalignment);
  }
  if (test.sample_moments) {
    run.sample_moments.resize(
        static_cast<std::size_t>(test.shape.samples() * test.shape.channels()));
  }
  set_num_threads(test.threads);
  call_forward(test.method, problem,
               {.x = run.x.view(),
                .y = run.y.view(),
                .weight = problem.weight,
                .bias = problem.bias,
                .epsilon = in.epsilon,
                .activation = in.activation,
                .negative_slope = static_cast<float>(in.negative_slope),
                .residual = test.residual ? run.residual.view() : ConstTensorView{},
                .position_weights = problem.position_weights,
                .sample_moments = run.sample_moments,
                .workspace = workspace},
               record, communicator);
  return run;
}

BackwardRun run_backward(const Case& test, const Problem& problem, const NormRecord& record,
                         Workspace* workspace) {
  const reference::Arguments& in = problem.arguments;
  const auto input = [&](const Array& values, DType dtype) {
    return TensorBuffer(values, test.shape, test.layout, dtype, test.misalignment);
  };
  const TensorBuffer x = input(in.x, test.dtype);
  const TensorBuffer residual = test.residual ? input(in.residual, test.dtype) : TensorBuffer();
  const TensorBuffer second =
      test.dy_second ? input(problem.dy_second, test.dtype) : TensorBuffer();
  TensorBuffer dy = input(problem.dy_first, test.dtype);

  BackwardRun run;
  TensorBuffer& dx = test.in_place == InPlace::kDxOverDy ? dy : run.dx;
  TensorBuffer& dresidual = test.in_place == InPlace::kDresidualOverDy ? dy : run.dresidual;
  run.dx = TensorBuffer(test.shape, test.layout, test.dtype, test.misalignment);
  run.dresidual = run.dx;
  if (test.parameter_gradients) {
    run.dweight.assign(static_cast<std::size_t>(parameter_count(test)), 1e30F);
    run.dbias = run.dweight;
  }
  const bool smooth =
      reference::distance_to_kink(test.activation, 0) == std::numeric_limits<double>::infinity() &&
      test.activation != Activation::kNone;
  const bool needs_residual =
      test.residual && (smooth || test.activation == Activation::kHardSwish);
  set_num_threads(test.threads);
  norm_backward({.x = x.view(),
                 .dy = dy.view(),
                 .dy_second = test.dy_second ? second.view() : ConstTensorView{},
                 .dx = test.dx ? dx.view() : TensorView{},
                 .dresidual = test.dresidual ? dresidual.view() : TensorView{},
                 .residual = needs_residual ? residual.view() : ConstTensorView{},
                 .weight = problem.weight,
                 .bias = problem.bias,
                 .position_weights = problem.position_weights,
                 .dweight = run.dweight,
                 .dbias = run.dbias,
                 .workspace = workspace},
                record);
  if (test.in_place == InPlace::kDxOverDy) run.dx = std::move(dy);
  if (test.in_place == InPlace::kDresidualOverDy) run.dresidual = std::move(dy);
  return run;
}

}  // namespace equipoise::testing
