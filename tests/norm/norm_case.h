#pragma once

/// One configuration of one normalization: its values, the kernel's answer and the reference's.

#include <cstdint>
#include <iosfwd>
#include <span>
#include <string>
#include <vector>

#include "equipoise/norm.h"
#include "norm/reference.h"
#include "norm/tensor_buffer.h"

namespace equipoise::testing {

enum class Normalization : std::uint8_t { kBatch, kInstance, kGroup, kLayer, kRms };

/// A normalization with its options.
struct Method {
  Normalization normalization = Normalization::kBatch;
  Statistics statistics = Statistics::kBatch;
  std::int64_t ghost_batch_size = 0;
  bool renorm = false;
  bool collect_moments = false;
  std::int64_t groups = 1;
  LayerAxes axes = {.over = NormalizedOver::kChannels};

  bool is_row_wise() const {
    return normalization == Normalization::kLayer || normalization == Normalization::kRms;
  }
  bool needs_running() const { return statistics != Statistics::kBatch || renorm; }
};

enum class Weighting : std::uint8_t { kNone, kMask, kFractional };
enum class Values : std::uint8_t { kNormal, kLargeMean, kOutliers, kConstantChannels };
enum class InPlace : std::uint8_t { kNone, kDxOverDy, kDresidualOverDy };

struct Case {
  Method method = {};
  Shape shape = {};
  Layout layout = Layout::kChannelsFirst;
  DType dtype = DType::kF32;
  Activation activation = Activation::kNone;
  bool weight = true;
  bool bias = true;
  bool residual = false;
  Weighting weighting = Weighting::kNone;
  Values values = Values::kNormal;
  bool sample_moments = false;
  bool dx = true;
  bool dresidual = true;
  bool parameter_gradients = true;
  bool dy_second = false;
  InPlace in_place = InPlace::kNone;
  std::int64_t misalignment = 0;  ///< elements
  int threads = 1;
  double epsilon = 1e-5;
  std::uint64_t seed = 1;
};

std::string describe(const Method& method);
/// All of it, so that a failure can be run again.
std::string describe(const Case& test);
void PrintTo(const Case& test, std::ostream* out);

/// Elements that weight and bias have.
std::int64_t parameter_count(const Case& test);
/// Elements of a row of layer or RMS normalization over trailing dimensions.
std::int64_t row_length(const Case& test);

/// Input values, as the storage of the case can hold them.
struct Problem {
  reference::Arguments arguments;
  reference::BatchOptions batch;
  Array dy;  ///< the sum of the next two
  Array dy_first;
  Array dy_second;
  std::vector<float> weight;
  std::vector<float> bias;
  std::vector<float> position_weights;
  std::vector<float> running_mean;
  std::vector<float> running_var;
};

/// dy is 0 where z is so near a kink of the activation that rounding decides which side it is on.
Problem make_problem(const Case& test);

reference::Output reference_forward(const Case& test, const Problem& problem);
reference::Gradients reference_backward(const Case& test, const Problem& problem);

/// Which function of norm.h the method means.
void call_forward(const Method& method, const Problem& problem, const NormForward& arguments,
                  NormRecord* record, Communicator* communicator = nullptr);

struct ForwardRun {
  TensorBuffer x;
  TensorBuffer y;
  TensorBuffer residual;
  std::vector<Moments> sample_moments;
};
ForwardRun run_forward(const Case& test, const Problem& problem, NormRecord* record,
                       Workspace* workspace = nullptr, Communicator* communicator = nullptr);

struct BackwardRun {
  TensorBuffer dx;
  TensorBuffer dresidual;
  std::vector<float> dweight;
  std::vector<float> dbias;
};
BackwardRun run_backward(const Case& test, const Problem& problem, const NormRecord& record,
                         Workspace* workspace = nullptr);

}  // namespace equipoise::testing
