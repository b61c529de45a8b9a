#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "formats/onnx_names.h"
#include "formats/onnx_writer.h"
#include "graph/operation.h"

namespace equipoise::formats {

std::string OnnxNodes::part_name(std::string_view part) const {
  std::string name = fmt::format("{}/{}", node_.name, part);
  while (graph_.find_tensor(name)) name += '\'';
  return name;
}

onnx::NodeProto& OnnxNodes::append(std::string_view operation, std::string name,
                                   std::string output) {
  onnx::NodeProto& node = *file_.add_node();
  node.set_op_type(std::string(operation));
  node.set_name(std::move(name));
  node.add_output(std::move(output));
  return node;
}

std::string OnnxNodes::add(std::string_view operation, std::string_view part,
                           std::initializer_list<std::string> inputs) {
  std::string name = part_name(part);
  onnx::NodeProto& node = append(operation, name, name);
  for (const std::string& input : inputs) node.add_input(input);
  return name;
}

void OnnxNodes::finish(std::string_view operation, std::span<const std::string> inputs) {
  onnx::NodeProto& node = append(operation, node_.name, output());
  for (const std::string& input : inputs) node.add_input(input);
}

void OnnxNodes::finish_function(std::string_view function,
                                std::initializer_list<std::string> inputs) {
  finish(function, inputs);
  file_.mutable_node()->rbegin()->set_domain(std::string(kDomain));
  functions_.insert(function);
}

onnx::TensorProto& OnnxNodes::constant(const std::string& name) {
  append("Constant", name, name);
  onnx::TensorProto& tensor = *new_attribute("value", onnx::AttributeProto::TENSOR).mutable_t();
  tensor.set_name(name);
  return tensor;
}

std::string OnnxNodes::integers(std::string_view part, const std::vector<std::int64_t>& values) {
  std::string name = part_name(part);
  onnx::TensorProto& tensor = constant(name);
  tensor.set_data_type(onnx::TensorProto::INT64);
  tensor.add_dims(static_cast<std::int64_t>(values.size()));
  for (const std::int64_t value : values) tensor.add_int64_data(value);
  return name;
}

std::string OnnxNodes::number(std::string_view part, float value) {
  std::string name = part_name(part);
  onnx::TensorProto& tensor = constant(name);
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  tensor.add_float_data(value);
  return name;
}

std::string OnnxNodes::numbers(std::string_view part, std::int64_t count, float value) {
  std::string name = part_name(part);
  onnx::TensorProto& tensor = constant(name);
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  tensor.add_dims(count);
  for (std::int64_t i = 0; i < count; ++i) tensor.add_float_data(value);
  return name;
}

std::string OnnxNodes::per_channel(const std::string& vector, std::string_view part, int ones) {
  if (ones < 1) return vector;
  std::vector<std::int64_t> axes(static_cast<std::size_t>(ones));
  std::iota(axes.begin(), axes.end(), 1);
  const std::string where = integers(fmt::format("{}/axes", part), axes);
  return add("Unsqueeze", part, {vector, where});
}

onnx::AttributeProto& OnnxNodes::new_attribute(const char* name,
                                               onnx::AttributeProto::AttributeType type) {
  onnx::AttributeProto& attribute = *file_.mutable_node()->rbegin()->add_attribute();
  attribute.set_name(name);
  attribute.set_type(type);
  return attribute;
}

void OnnxNodes::attribute(const char* name, std::int64_t value) {
  new_attribute(name, onnx::AttributeProto::INT).set_i(value);
}

void OnnxNodes::attribute(const char* name, float value) {
  new_attribute(name, onnx::AttributeProto::FLOAT).set_f(value);
}

void OnnxNodes::attribute(const char* name, std::span<const std::int64_t> values) {
  onnx::AttributeProto& attribute = new_attribute(name, onnx::AttributeProto::INTS);
  for (const std::int64_t value : values) attribute.add_ints(value);
}

void OnnxNodes::fail(std::string_view why) const {
  throw Error(fmt::format("graph '{}', node '{}' ({}) cannot be written to an ONNX file: {}",
                          graph_.name(), node_.name, node_.operation->type(), why));
}

}  // namespace equipoise::formats
