#include "formats/onnx_functions.h"

#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

#include "formats/onnx_names.h"

namespace equipoise::formats {
namespace {

using Names = std::initializer_list<const char*>;

/// Appends nodes, whose names are those of their results.
class Body {
 public:
  Body(std::string_view name, Names inputs, Names attributes) {
    function_.set_name(std::string(name));
    function_.set_domain(std::string(kDomain));
    for (const char* input : inputs) function_.add_input(input);
    for (const char* attribute : attributes) function_.add_attribute(attribute);
    function_.add_output(std::string("y"));
    onnx::OperatorSetIdProto* opset = function_.add_opset_import();
    opset->set_domain("");
    opset->set_version(kOpset);
  }

  onnx::NodeProto& node(const char* operation, Names inputs, const char* output) {
    onnx::NodeProto& added = *function_.add_node();
    added.set_op_type(operation);
    added.set_name(output);
    for (const char* input : inputs) added.add_input(input);
    added.add_output(output);
    return added;
  }

  void integer_attribute(onnx::NodeProto& node, const char* name, std::int64_t value) {
    onnx::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::INT);
    attribute.set_i(value);
  }

  void number(const char* output, float value) {
    onnx::AttributeProto& attribute = *node("Constant", {}, output).add_attribute();
    attribute.set_name("value_float");
    attribute.set_type(onnx::AttributeProto::FLOAT);
    attribute.set_f(value);
  }

  void integers(const char* output, const std::vector<std::int64_t>& values) {
    onnx::AttributeProto& attribute = *node("Constant", {}, output).add_attribute();
    attribute.set_name("value_ints");
    attribute.set_type(onnx::AttributeProto::INTS);
    for (const std::int64_t value : values) attribute.add_ints(value);
  }

  /// The constant that the function is called with.
  void parameter(const char* output, const char* kind, onnx::AttributeProto::AttributeType type) {
    onnx::AttributeProto& attribute = *node("Constant", {}, output).add_attribute();
    attribute.set_name(kind);
    attribute.set_type(type);
    attribute.set_ref_attr_name(output);
  }

  /// Whether each element is not 0.
  void truth(const char* input, const char* output) {
    integer_attribute(node("Cast", {input}, output), "to", onnx::TensorProto::BOOL);
  }

  void sum(Names inputs, const char* output, bool keep_dimensions) {
    integer_attribute(node("ReduceSum", inputs, output), "keepdims", keep_dimensions ? 1 : 0);
  }

  onnx::FunctionProto take() { return std::move(function_); }

 private:
  onnx::FunctionProto function_;
};

/// What the mask leaves out is the least number, whose exponential is 0; and 0 in the end, since in
/// a row without any others all of them are equal.
onnx::FunctionProto masked_softmax() {
  Body body(kMaskedSoftmax, {"x", "mask"}, {});
  body.number("least", std::numeric_limits<float>::lowest());
  body.number("zero", 0);
  body.truth("mask", "counts");
  body.node("Where", {"counts", "x", "least"}, "masked");
  body.integer_attribute(body.node("Softmax", {"masked"}, "share"), "axis", -1);
  body.node("Where", {"counts", "share", "zero"}, "y");
  return body.take();
}

onnx::FunctionProto masked_mean() {
  Body body(kMaskedMean, {"x", "mask"}, {});
  body.number("zero", 0);
  body.integers("positions", {1});
  body.integers("last", {-1});
  body.node("Unsqueeze", {"mask", "last"}, "weight");
  body.truth("weight", "counts");
  // Not by multiplication alone: NaN · 0 is NaN.
  body.node("Where", {"counts", "x", "zero"}, "counted");
  body.node("Mul", {"counted", "weight"}, "weighted");
  body.sum({"weighted", "positions"}, "total", false);
  body.sum({"mask", "positions"}, "total_weight", true);
  body.node("Div", {"total", "total_weight"}, "mean");
  body.truth("total_weight", "any");
  body.node("Where", {"any", "mean", "zero"}, "y");
  return body.take();
}

/// `grouped` is the shape (0, groups, channels of a group, positions), `per_channel` (C, 1, …).
onnx::FunctionProto masked_normalization() {
  Body body(kMaskedNormalization, {"x", "weight", "bias", "position_weights"},
            {"grouped", "per_channel", "epsilon"});
  body.number("zero", 0);
  body.integers("within", {2, 3});
  body.integers("of_positions", {0, 1, 1, -1});
  body.parameter("grouped", "value_ints", onnx::AttributeProto::INTS);
  body.parameter("per_channel", "value_ints", onnx::AttributeProto::INTS);
  body.parameter("epsilon", "value_float", onnx::AttributeProto::FLOAT);
  body.node("Reshape", {"x", "grouped"}, "groups");
  body.node("Reshape", {"position_weights", "of_positions"}, "w");
  body.truth("w", "counts");
  const auto mean_of = [&](const char* values, const char* weighted, const char* total,
                           const char* quotient, const char* mean) {
    body.node("Mul", {values, "w"}, weighted);
    body.sum({weighted, "within"}, total, true);
    body.node("Div", {total, "total_weight"}, quotient);
    body.node("Where", {"any", quotient, "zero"}, mean);
  };
  // The weights of positions, once per channel of a group.
  body.node("Where", {"counts", "groups", "zero"}, "counted");
  body.node("Shape", {"groups"}, "sizes");
  body.node("Expand", {"w", "sizes"}, "weights");
  body.sum({"weights", "within"}, "total_weight", true);
  body.truth("total_weight", "any");
  mean_of("counted", "weighted", "total", "quotient", "mean");
  body.node("Sub", {"groups", "mean"}, "centred");
  body.node("Where", {"counts", "centred", "zero"}, "deviation");
  body.node("Mul", {"deviation", "deviation"}, "square");
  mean_of("square", "weighted_square", "total_square", "square_quotient", "variance");
  body.node("Add", {"variance", "epsilon"}, "shifted");
  body.node("Sqrt", {"shifted"}, "std");
  body.node("Div", {"centred", "std"}, "standardized");
  body.node("Shape", {"x"}, "shape");
  body.node("Reshape", {"standardized", "shape"}, "normalized");
  body.node("Reshape", {"weight", "per_channel"}, "gamma");
  body.node("Reshape", {"bias", "per_channel"}, "beta");
  body.node("Mul", {"normalized", "gamma"}, "scaled");
  body.node("Add", {"scaled", "beta"}, "y");
  return body.take();
}

}  // namespace

onnx::FunctionProto onnx_function(std::string_view name) {
  if (name == kMaskedSoftmax) return masked_softmax();
  return name == kMaskedMean ? masked_mean() : masked_normalization();
}

}  // namespace equipoise::formats
