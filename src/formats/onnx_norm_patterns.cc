#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "equipoise/operations.h"
#include "formats/onnx_patterns.h"
#include "formats/onnx_read_nodes.h"

namespace equipoise::formats {
namespace {

/// γ·x̂ + β: which node x̂ is of, and what follows it. Names are empty for what is not there.
struct Affine {
  const FileNode* core = nullptr;
  std::string weight = {};
  std::string bias = {};
};

/// A constant, perhaps with dimensions of 1 put in; empty for other tensors.
std::string constant_behind(const OnnxFile& file, const std::string& tensor) {
  if (file.constant(tensor) != nullptr) return tensor;
  const FileNode* unsqueeze = file.producer(tensor, "Unsqueeze");
  if (unsqueeze == nullptr || file.constant(unsqueeze->input(0)) == nullptr) return "";
  return unsqueeze->input(0);
}

const FileNode* producer_of(const OnnxFile& file, const std::string& tensor) {
  const int index = file.producer(tensor);
  return index < 0 ? nullptr : &file.nodes()[static_cast<std::size_t>(index)];
}

Affine split_affine(const OnnxFile& file, const FileNode& last) {
  Affine affine{.core = &last};
  const auto take = [&](std::string_view type, std::string& parameter) {
    if (affine.core == nullptr || !affine.core->is(type)) return;
    for (int i = 0; i < 2; ++i) {
      std::string constant = constant_behind(file, affine.core->input(i));
      if (constant.empty()) continue;
      parameter = std::move(constant);
      affine.core = producer_of(file, affine.core->input(1 - i));
      return;
    }
  };
  take("Add", affine.bias);
  take("Mul", affine.weight);
  return affine;
}

bool is_constant_of(const OnnxFile& file, const std::string& tensor, float value) {
  const FileConstant* constant = file.constant(tensor);
  return constant != nullptr && constant->holds(value);
}

/// Those of this shape, into inputs.
void add_affine(OnnxReader& reader, const Affine& affine, const GraphShape& shape,
                ops::NormInputs& inputs) {
  if (!affine.weight.empty()) inputs.weight = norm_parameter(reader, affine.weight, shape, 1);
  if (!affine.bias.empty()) inputs.bias = norm_parameter(reader, affine.bias, shape, 0);
}

/// Instance normalization of x as (N, G, rest), put back into x's shape.
std::optional<OnnxPattern> find_group_norm(const OnnxFile& file, const Affine& affine) {
  if (!affine.core->is("Reshape")) return std::nullopt;
  const FileNode* instance = file.producer(affine.core->input(0), "InstanceNormalization");
  if (instance == nullptr || !is_constant_of(file, instance->input(1), 1) ||
      !is_constant_of(file, instance->input(2), 0)) {
    return std::nullopt;
  }
  const FileNode* grouping = file.producer(instance->input(0), "Reshape");
  if (grouping == nullptr) return std::nullopt;
  const auto grouped = file.integers(grouping->input(1));
  if (!grouped || grouped->size() != 3) return std::nullopt;
  const std::string x = grouping->input(0);
  const std::string back = affine.core->input(1);
  const auto shape_back = file.integers(back);
  const FileNode* shape_of = file.producer(back, "Shape");
  if (!shape_back && (shape_of == nullptr || shape_of->input(0) != x)) return std::nullopt;
  return OnnxPattern{
      .reads = {x},
      .build = [affine, x, shape_back, groups = (*grouped)[1],
                epsilon = instance->number("epsilon", 1e-5F)](OnnxReader& reader,
                                                              const std::string& name) {
        ops::NormInputs inputs{.x = reader.tensor(x)};
        const GraphShape shape = reader.shape(inputs.x);
        const auto is_same = [&](int i) {
          const std::int64_t wanted = (*shape_back)[static_cast<std::size_t>(i)];
          return wanted < 1 || wanted == shape[i] || (i == 0 && wanted == reader.fixed_batch());
        };
        bool fits = shape.rank() >= 2;
        if (shape_back) {
          fits = fits && shape_back->size() == static_cast<std::size_t>(shape.rank());
          for (int i = 0; fits && i < shape.rank(); ++i) fits = is_same(i);
        }
        if (!fits) {
          affine.core->fail("ends a normalization of groups, but in another shape than it began");
        }
        add_affine(reader, affine, {shape[1]}, inputs);
        return ops::group_norm(reader.graph(), name, inputs, groups,
                               {.epsilon = reader.notes().epsilon(name, epsilon)});
      }};
}

/// The mean over some dimensions, which stay as 1.
struct MeanOver {
  std::string x;
  std::vector<std::int64_t> axes;
};

std::optional<MeanOver> mean_over(const OnnxFile& file, const std::string& tensor) {
  const FileNode* mean = file.producer(tensor, "ReduceMean");
  if (mean == nullptr || mean->integer("keepdims", 1) == 0) return std::nullopt;
  auto axes = mean->integers("axes");
  if (!axes && mean->has_input(1)) axes = file.integers(mean->input(1));
  if (!axes) return std::nullopt;
  return MeanOver{.x = mean->input(0), .axes = std::move(*axes)};
}

/// x of x·x or x²; empty for something else.
std::string square_root_of(const OnnxFile& file, const std::string& square) {
  if (const FileNode* product = file.producer(square, "Mul")) {
    return product->input(0) == product->input(1) ? product->input(0) : "";
  }
  const FileNode* power = file.producer(square, "Pow");
  return power != nullptr && scalar_of(file, power->input(1)) == 2.0F ? power->input(0) : "";
}

/// What x is divided by in x/√(mean(x²) + ε), or multiplied with as 1/√(…); null if it is not.
const FileNode* root_beside(const OnnxFile& file, const FileNode& core, std::string& x) {
  if (core.is("Div")) {
    x = core.input(0);
    return file.producer(core.input(1), "Sqrt");
  }
  if (!core.is("Mul")) return nullptr;
  for (int i = 0; i < 2; ++i) {
    x = core.input(1 - i);
    if (const FileNode* reciprocal = file.producer(core.input(i), "Reciprocal")) {
      return file.producer(reciprocal->input(0), "Sqrt");
    }
    const FileNode* quotient = file.producer(core.input(i), "Div");
    if (quotient != nullptr && scalar_of(file, quotient->input(0)) == 1.0F) {
      return file.producer(quotient->input(1), "Sqrt");
    }
  }
  return nullptr;
}

LayerAxes layer_axes(const FileNode& node, const GraphShape& x,
                     const std::vector<std::int64_t>& axes) {
  std::vector<int> positive;
  positive.reserve(axes.size());
  for (const std::int64_t axis : axes) positive.push_back(axis_of(node, axis, x.rank()));
  std::ranges::sort(positive);
  const auto trailing = static_cast<int>(positive.size());
  std::vector<int> last(positive.size());
  std::iota(last.begin(), last.end(), x.rank() - trailing);
  if (trailing > 0 && trailing < x.rank() && positive == last) return {.trailing = trailing};
  if (positive == std::vector<int>{1}) return {.over = NormalizedOver::kChannels};
  node.fail("ends a normalization over dimensions that are neither the last ones nor channels");
}

/// RMS normalization; and layer normalization, where x is centred before.
std::optional<OnnxPattern> find_rms_norm(const OnnxFile& file, const Affine& affine) {
  std::string x;
  const FileNode* root = root_beside(file, *affine.core, x);
  const FileNode* shifted = root == nullptr ? nullptr : file.producer(root->input(0), "Add");
  if (shifted == nullptr) return std::nullopt;
  std::optional<float> epsilon;
  std::optional<MeanOver> mean;
  for (int i = 0; i < 2 && !epsilon; ++i) {
    epsilon = scalar_of(file, shifted->input(i));
    mean = mean_over(file, shifted->input(1 - i));
  }
  if (!epsilon || !mean || square_root_of(file, mean->x) != x) return std::nullopt;
  bool is_centred = false;
  if (const FileNode* difference = file.producer(x, "Sub")) {
    const auto centre = mean_over(file, difference->input(1));
    is_centred = centre && centre->x == difference->input(0) && centre->axes == mean->axes;
    if (is_centred) x = centre->x;
  }
  return OnnxPattern{
      .reads = {x},
      .build = [affine, x, is_centred, axes = mean->axes, epsilon = *epsilon](
                   OnnxReader& reader, const std::string& name) {
        ops::NormInputs inputs{.x = reader.tensor(x)};
        const GraphShape shape = reader.shape(inputs.x);
        const LayerAxes layer = layer_axes(*affine.core, shape, axes);
        const bool of_channels = layer.over == NormalizedOver::kChannels;
        add_affine(reader, affine,
                   of_channels ? GraphShape{shape[1]} : trailing_shape(shape, layer.trailing),
                   inputs);
        const ops::NormOptions options{.epsilon = reader.notes().epsilon(name, epsilon)};
        return is_centred ? ops::layer_norm(reader.graph(), name, inputs, layer, options)
                          : ops::rms_norm(reader.graph(), name, inputs, layer, options);
      }};
}

/// Whether a transposition brings the channels to the end, or back.
bool moves_channels(const FileNode& transpose, bool to_the_end) {
  const auto permutation = transpose.integers("perm");
  if (!permutation || permutation->size() < 3) return false;
  std::vector<std::int64_t> wanted(permutation->size());
  std::iota(wanted.begin(), wanted.end(), 0);
  if (to_the_end) {
    std::rotate(wanted.begin() + 1, wanted.begin() + 2, wanted.end());
  } else {
    std::rotate(wanted.begin() + 1, wanted.end() - 1, wanted.end());
  }
  return *permutation == wanted;
}

/// Layer normalization of the last dimension, between transpositions of the channels.
std::optional<OnnxPattern> find_channels_norm(const OnnxFile& file, const FileNode& last) {
  if (!last.is("Transpose") || !moves_channels(last, false)) return std::nullopt;
  const FileNode* norm = file.producer(last.input(0), "LayerNormalization");
  if (norm == nullptr || norm->integer("axis", -1) != -1) return std::nullopt;
  const FileNode* first = file.producer(norm->input(0), "Transpose");
  if (first == nullptr || !moves_channels(*first, true)) return std::nullopt;
  return OnnxPattern{
      .reads = {first->input(0)},
      .build = [norm, x = first->input(0)](OnnxReader& reader, const std::string& name) {
        ops::NormInputs inputs{.x = reader.tensor(x)};
        const GraphShape channels{reader.shape(inputs.x)[1]};
        inputs.weight = norm_parameter(reader, norm->input(1), channels, 1);
        if (norm->has_input(2)) inputs.bias = norm_parameter(reader, norm->input(2), channels, 0);
        const double epsilon = reader.notes().epsilon(name, norm->number("epsilon", 1e-5F));
        return ops::layer_norm(reader.graph(), name, inputs, {.over = NormalizedOver::kChannels},
                               {.epsilon = epsilon});
      }};
}

}  // namespace

std::optional<OnnxPattern> find_norm(const OnnxFile& file, const FileNode& last) {
  if (auto found = find_channels_norm(file, last)) return found;
  const bool may_end = last.is("Add") || last.is("Mul") || last.is("Div") || last.is("Reshape");
  if (!may_end) return std::nullopt;
  const Affine affine = split_affine(file, last);
  if (affine.core == nullptr) return std::nullopt;
  if (auto found = find_group_norm(file, affine)) return found;
  return find_rms_norm(file, affine);
}

}  // namespace equipoise::formats
