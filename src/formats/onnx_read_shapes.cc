#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "equipoise/operations.h"
#include "formats/onnx_read_nodes.h"
#include "formats/onnx_values.h"

namespace equipoise::formats {
namespace {

using Integers = std::vector<std::int64_t>;

/// A reshape, which leaves samples apart.
void set_reshaped(OnnxReader& reader, const FileNode& node, TensorId x, const Integers& shape) {
  count_elements(std::span(shape).subspan(!shape.empty() && shape[0] == GraphShape::kBatch ? 1 : 0),
                 fmt::format("the result of '{}'", node.name()));
  reader.set(node.output(), ops::reshape(reader.graph(), reader.name_of(node), x,
                                         GraphShape(std::span<const std::int64_t>(shape))));
}

/// Elements of x, of one sample where it is batched.
std::int64_t elements_of(const GraphShape& x) {
  return count_elements(x.dimensions().subspan(x.batched() ? 1 : 0), "x");
}

/// What is asked for, as a shape: 0 is as in x, one −1 is what is left.
Integers resolve_target(const OnnxReader& reader, const FileNode& node, const GraphShape& x,
                        Integers target) {
  const bool zero_is_zero = node.integer("allowzero", 0) != 0;
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (target[i] != 0 || zero_is_zero) continue;
    if (i >= static_cast<std::size_t>(x.rank())) node.fail("copies a dimension that x has not");
    target[i] = x[static_cast<int>(i)] == GraphShape::kBatch ? kSamples : x[static_cast<int>(i)];
  }
  std::size_t from = 0;
  if (x.batched()) {
    if (target.empty()) node.fail("mixes the samples of a batch");
    const std::int64_t rest_given = std::accumulate(
        target.begin() + 1, target.end(), std::int64_t{1},
        [&](std::int64_t product, std::int64_t d) {
          return d < 1 || product < 1 || product > kLargestTensor / d ? 0 : product * d;
        });
    const bool is_batch = target[0] == kSamples ||
                          (reader.fixed_batch() > 0 && target[0] == reader.fixed_batch()) ||
                          (target[0] == -1 && rest_given == elements_of(x));
    if (!is_batch) {
      node.fail(
          fmt::format("makes x of shape {} something whose first dimension is not that of "
                      "the samples",
                      to_string(x)));
    }
    target[0] = GraphShape::kBatch;
    from = 1;
  }
  const auto rest = std::span(target).subspan(from);
  const auto open = std::ranges::find(rest, -1);
  if (open == rest.end()) return target;
  *open = 1;
  const std::int64_t known = count_elements(rest, fmt::format("the result of '{}'", node.name()));
  if (known == 0) node.fail("asks for a dimension that nothing determines");
  *open = elements_of(x) / known;
  return target;
}

Integers axes_of(const OnnxReader& reader, const FileNode& node) {
  const auto axes = integers_of(reader, node, "axes", 1);
  if (!axes) node.fail("has no axes");
  return *axes;
}

Integers dimensions_of(const GraphShape& shape) {
  return {shape.dimensions().begin(), shape.dimensions().end()};
}

struct Range {
  int axis;
  std::int64_t begin;
  std::int64_t end;
};

/// Clamped to a dimension, as Slice does.
Range clamp(Range range, std::int64_t size) {
  const auto place = [&](std::int64_t i) {
    return std::clamp<std::int64_t>(i < 0 ? i + size : i, 0, size);
  };
  return {range.axis, place(range.begin), place(range.end)};
}

}  // namespace

int axis_of(const FileNode& node, std::int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) {
    node.fail(fmt::format("is along axis {} of {} dimensions", axis, rank));
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

std::optional<Integers> integers_of(const OnnxReader& reader, const FileNode& node,
                                    std::string_view attribute, int input) {
  if (auto given = node.integers(attribute)) return given;
  if (!node.has_input(input)) return std::nullopt;
  auto known = reader.integers(node.input(input));
  if (!known) {
    node.fail(
        fmt::format("has {} '{}' that depend on what is computed", attribute, node.input(input)));
  }
  return known;
}

void read_shape(OnnxReader& reader, const FileNode& node) {
  Integers shape = dimensions_of(reader.shape(reader.tensor(node.input(0))));
  std::ranges::replace(shape, GraphShape::kBatch, kSamples);
  reader.set_integers(node.output(), std::move(shape));
}

void read_reshape(OnnxReader& reader, const FileNode& node) {
  const auto target = integers_of(reader, node, "shape", 1);
  if (!target) node.fail("has no shape");
  if (auto known = reader.integers(node.input(0))) {
    return reader.set_integers(node.output(), std::move(*known));
  }
  const TensorId x = reader.tensor(node.input(0));
  set_reshaped(reader, node, x, resolve_target(reader, node, reader.shape(x), *target));
}

void read_flatten(OnnxReader& reader, const FileNode& node) {
  const TensorId x = reader.tensor(node.input(0));
  const GraphShape& shape = reader.shape(x);
  const int axis = axis_of(node, node.integer("axis", 1), shape.rank());
  if (axis != 1) node.fail("flattens from another axis than 1 on");
  reader.set(node.output(), ops::flatten(reader.graph(), reader.name_of(node), x));
}

void read_squeeze(OnnxReader& reader, const FileNode& node) {
  if (auto known = reader.integers(node.input(0))) {
    return reader.set_integers(node.output(), std::move(*known));
  }
  const TensorId x = reader.tensor(node.input(0));
  Integers shape = dimensions_of(reader.shape(x));
  for (const std::int64_t axis : axes_of(reader, node)) {
    std::int64_t& dimension =
        shape[static_cast<std::size_t>(axis_of(node, axis, reader.shape(x).rank()))];
    if (dimension != 1) node.fail("leaves out a dimension that is not 1");
    dimension = kSamples;
  }
  std::erase(shape, kSamples);
  set_reshaped(reader, node, x, shape);
}

void read_unsqueeze(OnnxReader& reader, const FileNode& node) {
  if (auto known = reader.integers(node.input(0))) {
    return reader.set_integers(node.output(), std::move(*known));
  }
  const TensorId x = reader.tensor(node.input(0));
  const GraphShape& shape = reader.shape(x);
  const Integers axes = axes_of(reader, node);
  const std::size_t rank = static_cast<std::size_t>(shape.rank()) + axes.size();
  if (rank > Shape::kMaxRank) node.fail(fmt::format("makes {} dimensions", rank));
  Integers result(rank, 0);
  for (const std::int64_t axis : axes) {
    result[static_cast<std::size_t>(axis_of(node, axis, static_cast<int>(rank)))] = 1;
  }
  if (std::ranges::count(result, 1) != static_cast<std::ptrdiff_t>(axes.size())) {
    node.fail("has an axis twice");
  }
  int next = 0;
  for (std::int64_t& dimension : result) {
    if (dimension == 0) dimension = shape[next++];
  }
  if (shape.batched() && result[0] != GraphShape::kBatch) node.fail("moves the samples");
  set_reshaped(reader, node, x, result);
}

void read_transpose(OnnxReader& reader, const FileNode& node) {
  const TensorId x = reader.tensor(node.input(0));
  const int rank = reader.shape(x).rank();
  std::vector<int> permutation;
  if (const auto given = node.integers("perm")) {
    for (const std::int64_t axis : *given) permutation.push_back(axis_of(node, axis, rank));
  } else {
    for (int i = rank; i-- > 0;) permutation.push_back(i);
  }
  reader.set(node.output(),
             ops::transpose(reader.graph(), reader.name_of(node), x, std::move(permutation)));
}

void read_concat(OnnxReader& reader, const FileNode& node) {
  Integers joined;
  std::vector<TensorId> inputs;
  for (int i = 0; i < node.input_count(); ++i) {
    if (const auto known = reader.integers(node.input(i))) {
      joined.insert(joined.end(), known->begin(), known->end());
    } else {
      inputs.push_back(reader.tensor(node.input(i)));
    }
  }
  if (inputs.empty()) {
    if (joined.size() > Shape::kMaxRank) node.fail("joins too many sizes");
    return reader.set_integers(node.output(), std::move(joined));
  }
  if (!joined.empty()) node.fail("joins sizes and values");
  const int axis = axis_of(node, node.integer("axis", 0), reader.shape(inputs[0]).rank());
  reader.set(node.output(), ops::concatenate(reader.graph(), reader.name_of(node), inputs, axis));
}

void read_slice(OnnxReader& reader, const FileNode& node) {
  const auto begins = integers_of(reader, node, "starts", 1);
  const auto ends = integers_of(reader, node, "ends", 2);
  auto axes = integers_of(reader, node, "axes", 3);
  const auto steps = integers_of(reader, node, "steps", 4);
  if (!begins || !ends || begins->size() != ends->size() ||
      (axes && axes->size() != begins->size())) {
    node.fail("has starts, ends and axes that do not match");
  }
  if (steps && std::ranges::any_of(*steps, [](std::int64_t step) { return step != 1; })) {
    node.fail("has steps other than 1");
  }
  const auto known = reader.integers(node.input(0));
  const TensorId x = known ? TensorId{} : reader.tensor(node.input(0));
  const int rank = known ? 1 : reader.shape(x).rank();
  std::vector<Range> ranges;
  for (std::size_t i = 0; i < begins->size(); ++i) {
    const std::int64_t axis = axes ? (*axes)[i] : static_cast<std::int64_t>(i);
    ranges.push_back({axis_of(node, axis, rank), (*begins)[i], (*ends)[i]});
  }
  if (known) {
    if (ranges.size() != 1) node.fail("cuts sizes along several axes");
    const Range range = clamp(ranges[0], static_cast<std::int64_t>(known->size()));
    Integers part;
    for (std::int64_t i = range.begin; i < range.end; ++i) {
      part.push_back((*known)[static_cast<std::size_t>(i)]);
    }
    return reader.set_integers(node.output(), std::move(part));
  }
  TensorId y = x;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const Range range = clamp(ranges[i], reader.shape(x)[ranges[i].axis]);
    const bool is_last = i + 1 == ranges.size();
    const std::string name =
        is_last ? reader.name_of(node)
                : reader.free_name(fmt::format("{}/axis{}", node.output(), range.axis));
    y = ops::slice(reader.graph(), name, y, range.axis, range.begin, range.end - range.begin);
  }
  reader.set(node.output(), y);
}

void read_split(OnnxReader& reader, const FileNode& node) {
  const TensorId x = reader.tensor(node.input(0));
  const GraphShape& shape = reader.shape(x);
  const int axis = axis_of(node, node.integer("axis", 0), shape.rank());
  const auto count = static_cast<std::size_t>(node.output_count());
  auto sizes = integers_of(reader, node, "split", 1);
  if (!sizes) sizes = Integers(count, shape[axis] / static_cast<std::int64_t>(count));
  if (sizes->size() != count) node.fail("has as many sizes as it has not outputs");
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string& output = node.output(static_cast<int>(i));
    reader.set(output,
               ops::slice(reader.graph(), reader.free_name(output), x, axis, begin, (*sizes)[i]));
    begin += (*sizes)[i];
  }
}

void read_pad(OnnxReader& reader, const FileNode& node) {
  if (node.text("mode", "constant") != "constant") node.fail("does not pad with a constant");
  if (node.has_input(3)) node.fail("has axes, which are not read");
  const auto pads = integers_of(reader, node, "pads", 1);
  const TensorId x = reader.tensor(node.input(0));
  const auto rank = static_cast<std::size_t>(reader.shape(x).rank());
  if (!pads || rank < 2 || pads->size() != 2 * rank) node.fail("has not two pads per dimension");
  for (const std::int64_t pad : *pads) limited_integer(pad, "pads");
  for (std::size_t i = 0; i + 2 < rank; ++i) {
    if ((*pads)[i] != 0 || (*pads)[rank + i] != 0) node.fail("pads other than the last dimensions");
  }
  float value = node.number("value", 0);
  if (node.has_input(2)) {
    const FileConstant* given = reader.file().constant(node.input(2));
    const auto scalar = given == nullptr ? std::nullopt : given->scalar();
    if (!scalar) node.fail("pads with a value that is computed");
    value = *scalar;
  }
  const ops::Edges edges{.top = (*pads)[rank - 2],
                         .left = (*pads)[rank - 1],
                         .bottom = (*pads)[2 * rank - 2],
                         .right = (*pads)[2 * rank - 1]};
  reader.set(node.output(), ops::pad(reader.graph(), reader.name_of(node), x, edges, value));
}

void read_gather(OnnxReader& reader, const FileNode& node) {
  if (const auto known = reader.integers(node.input(0))) {
    const auto which = reader.integers(node.input(1));
    if (!which) node.fail("takes sizes that depend on what is computed");
    Integers taken;
    for (const std::int64_t i : *which) {
      taken.push_back(
          (*known)[static_cast<std::size_t>(axis_of(node, i, static_cast<int>(known->size())))]);
    }
    return reader.set_integers(node.output(), std::move(taken));
  }
  if (node.integer("axis", 0) != 0) node.fail("takes along another axis than 0");
  const TensorId table = reader.tensor(node.input(0));
  const TensorId indices = reader.tensor(node.input(1));
  reader.set(node.output(), ops::embedding(reader.graph(), reader.name_of(node), indices, table));
}

/// Between types of integers, or from floats to floats, of which there is one kind each.
void read_cast(OnnxReader& reader, const FileNode& node) {
  if (auto known = reader.integers(node.input(0))) {
    return reader.set_integers(node.output(), std::move(*known));
  }
  const TensorId x = reader.tensor(node.input(0));
  const bool is_integer = reader.graph().tensor(x).type.dtype == DType::kI32;
  const std::int64_t to = node.integer("to", 0);
  const bool to_integer = to == onnx::TensorProto::INT32 || to == onnx::TensorProto::INT64;
  if (is_integer != to_integer || (!to_integer && to != onnx::TensorProto::FLOAT)) {
    node.fail("converts between floats and integers, or to another type");
  }
  reader.set(node.output(), x);
}

}  // namespace equipoise::formats
