#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include "equipoise/error.h"
#include "equipoise/operations.h"
#include "formats/onnx_networks.h"

namespace equipoise::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string error_of(const std::string& bytes) {
  try {
    (void)decode(bytes, "net.onnx");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::string encoded_resnet8() {
  const Graph graph = BuiltNetwork{.model = "resnet8"}.graph();
  const State state(graph);
  return formats::encode_onnx(graph, state.entries());
}

/// Of a file of somebody else: x (N, 3, 8, 8) → relu, with what a test changes.
std::string foreign(const std::function<void(onnx::ModelProto&)>& change) {
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(17);
  onnx::GraphProto& graph = *model.mutable_graph();
  graph.set_name("foreign");
  onnx::ValueInfoProto& x = *graph.add_input();
  x.set_name("x");
  onnx::TypeProto::Tensor& type = *x.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx::TensorProto::FLOAT);
  type.mutable_shape()->add_dim()->set_dim_param("batch");
  for (const int d : {3, 8, 8}) type.mutable_shape()->add_dim()->set_dim_value(d);
  onnx::NodeProto& node = *graph.add_node();
  node.set_op_type("Relu");
  node.set_name("first");
  node.add_input("x");
  node.add_output("y");
  graph.add_output()->set_name("y");
  change(model);
  return model.SerializeAsString();
}

std::string error_of(const std::function<void(onnx::ModelProto&)>& change) {
  return error_of(foreign(change));
}

void add_weight(onnx::ModelProto& model, const std::vector<std::int64_t>& dims, int values) {
  onnx::TensorProto& weight = *model.mutable_graph()->add_initializer();
  weight.set_name("w");
  weight.set_data_type(onnx::TensorProto::FLOAT);
  for (const std::int64_t dim : dims) weight.add_dims(dim);
  for (int i = 0; i < values; ++i) weight.add_float_data(1);
  onnx::NodeProto& node = *model.mutable_graph()->mutable_node(0);
  node.set_op_type("Mul");
  node.add_input("w");
}

TEST(OnnxErrors, TheForeignFileItselfIsRead) {
  EXPECT_EQ(error_of([](onnx::ModelProto&) {}), "no error");
  const Graph graph = decode(foreign([](onnx::ModelProto&) {})).graph;
  EXPECT_TRUE(graph.find_tensor("image"));
  EXPECT_TRUE(graph.find_tensor("logits"));
}

TEST(OnnxErrors, EveryTruncationIsOne) {
  const std::string bytes = encoded_resnet8();
  const std::size_t step = bytes.size() / 300;
  for (std::size_t length = 0; length < bytes.size();
       length += length < 2000 || length + 2000 > bytes.size() ? 1 : step) {
    ASSERT_NE(error_of(bytes.substr(0, length)), "no error") << length;
  }
}

TEST(OnnxErrors, DamagedBytesAreReadOrRefused) {
  const std::string bytes = encoded_resnet8();
  for (std::size_t i = 0; i < bytes.size(); i += i < 3000 ? 1 : 997) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ static_cast<char>(1U << (i % 8)));
    (void)error_of(damaged);
  }
}

TEST(OnnxErrors, UnknownOperationsAreNamedWithThoseThatAreKnown) {
  EXPECT_THAT(error_of([](onnx::ModelProto& model) {
                model.mutable_graph()->mutable_node(0)->set_op_type("Einsum");
              }),
              AllOf(HasSubstr("'net.onnx'"), HasSubstr("'first' (Einsum)"),
                    HasSubstr("BatchNormalization"), HasSubstr("Unsqueeze")));
  EXPECT_THAT(error_of([](onnx::ModelProto& model) {
                model.mutable_graph()->mutable_node(0)->set_domain("com.microsoft");
              }),
              HasSubstr("'first'"));
}

TEST(OnnxErrors, ACycleIsNamed) {
  EXPECT_THAT(error_of([](onnx::ModelProto& model) {
                onnx::GraphProto& graph = *model.mutable_graph();
                graph.mutable_node(0)->set_op_type("Add");
                graph.mutable_node(0)->add_input("z");
                onnx::NodeProto& back = *graph.add_node();
                back.set_op_type("Relu");
                back.add_input("y");
                back.add_output("z");
              }),
              HasSubstr("cycle"));
  EXPECT_NE(error_of([](onnx::ModelProto& model) {
              model.mutable_graph()->mutable_node(0)->set_op_type("Identity");
              model.mutable_graph()->mutable_node(0)->set_input(0, "y");
            }),
            "no error");
}

TEST(OnnxErrors, SizesAreCheckedBeforeTheyAreBelieved) {
  const auto with_weight = [](const std::vector<std::int64_t>& dims, int values) {
    return error_of([&](onnx::ModelProto& model) { add_weight(model, dims, values); });
  };
  EXPECT_EQ(with_weight({3, 1, 1}, 3), "no error");
  EXPECT_THAT(with_weight({3, 1, 1}, 2), AllOf(HasSubstr("'w'"), HasSubstr("2 values")));
  EXPECT_THAT(with_weight({std::int64_t{1} << 62, 4, 1}, 3), HasSubstr("'w'"));
  EXPECT_THAT(with_weight({-3, -1, 1}, 3), HasSubstr("'w'"));
  EXPECT_THAT(with_weight({1, 1, 1, 1, 1, 1, 1, 1, 1}, 1), HasSubstr("9 dimensions"));
  EXPECT_THAT(error_of([](onnx::ModelProto& model) {
                model.mutable_graph()
                    ->mutable_input(0)
                    ->mutable_type()
                    ->mutable_tensor_type()
                    ->mutable_shape()
                    ->mutable_dim(2)
                    ->set_dim_value(std::int64_t{1} << 40);
              }),
              HasSubstr("'x'"));
}

TEST(OnnxErrors, WeightsElsewhereOrOfOtherTypesAreNamed) {
  EXPECT_THAT(error_of([](onnx::ModelProto& model) {
                add_weight(model, {3, 1, 1}, 3);
                onnx::TensorProto& weight = *model.mutable_graph()->mutable_initializer(0);
                weight.set_data_location(onnx::TensorProto::EXTERNAL);
              }),
              AllOf(HasSubstr("'w'"), HasSubstr("another file"), HasSubstr("one file")));
  EXPECT_THAT(
      error_of([](onnx::ModelProto& model) {
        add_weight(model, {3, 1, 1}, 3);
        model.mutable_graph()->mutable_initializer(0)->set_data_type(onnx::TensorProto::INT8);
      }),
      AllOf(HasSubstr("'w'"), HasSubstr("INT8")));
}

TEST(OnnxErrors, OpenSizesOfImagesAreRefused) {
  EXPECT_THAT(error_of([](onnx::ModelProto& model) {
                model.mutable_graph()
                    ->mutable_input(0)
                    ->mutable_type()
                    ->mutable_tensor_type()
                    ->mutable_shape()
                    ->mutable_dim(2)
                    ->set_dim_param("height");
              }),
              HasSubstr("(batch, 3, height, 8)"));
}

TEST(OnnxErrors, StridesThatAreImpossibleAreRefused) {
  const std::pair<std::int64_t, const char*> strides[] = {
      {0, "has a value below 1 in strides"},
      {std::int64_t{1} << 31, "each of them has to be in [1, 2147483647]"},
      {std::numeric_limits<std::int64_t>::max(), "'strides' has the value 9223372036854775807"}};
  for (const auto& [stride, message] : strides) {
    EXPECT_THAT(error_of([stride_value = stride](onnx::ModelProto& model) {
                  onnx::NodeProto& node = *model.mutable_graph()->mutable_node(0);
                  node.set_op_type("MaxPool");
                  const auto pair = [&](const char* name, std::int64_t value) {
                    onnx::AttributeProto& attribute = *node.add_attribute();
                    attribute.set_name(name);
                    attribute.set_type(onnx::AttributeProto::INTS);
                    attribute.add_ints(value);
                    attribute.add_ints(2);
                  };
                  pair("kernel_shape", 2);
                  pair("strides", stride_value);
                  onnx::AttributeProto& padding = *node.add_attribute();
                  padding.set_name("auto_pad");
                  padding.set_type(onnx::AttributeProto::STRING);
                  padding.set_s("SAME_UPPER");
                }),
                HasSubstr(message));
  }
}

TEST(OnnxErrors, MissingThingsAreNamed) {
  EXPECT_THAT(error_of(std::string("no ONNX at all")), HasSubstr("no ONNX model"));
  EXPECT_THAT(error_of(std::string()), HasSubstr("no ONNX model"));
  EXPECT_THAT(error_of([](onnx::ModelProto& model) {
                model.mutable_graph()->mutable_node(0)->set_input(0, "nothing");
              }),
              HasSubstr("'nothing'"));
  EXPECT_THAT(error_of([](onnx::ModelProto& model) { model.clear_opset_import(); }),
              HasSubstr("opset"));
  EXPECT_THAT(error_of([](onnx::ModelProto& model) { model.mutable_graph()->clear_output(); }),
              HasSubstr("no output"));
}

TEST(OnnxErrors, ThousandsOfNodesOfOneNameTakeNoTime) {
  EXPECT_EQ(error_of([](onnx::ModelProto& model) {
              onnx::GraphProto& graph = *model.mutable_graph();
              std::string last = "y";
              for (int i = 0; i < 3000; ++i) {
                onnx::NodeProto& node = *graph.add_node();
                node.set_op_type("Relu");
                node.set_name("same");
                node.add_input(last);
                last = "t" + std::to_string(i);
                node.add_output(last);
              }
              graph.mutable_output(0)->set_name(last);
            }),
            "no error");
}

TEST(OnnxErrors, WhatBelongsToTrainingIsNotWritten) {
  Graph graph = build_model("mlp");
  add_classification_loss(graph);
  const State state(graph);
  EXPECT_THROW(static_cast<void>(formats::encode_onnx(graph, state.entries())), Error);
  EXPECT_THROW(static_cast<void>(formats::encode_onnx(build_model("mlp"), {})), Error);

  Graph bare("bare");
  const TensorId x = bare.add_input("x", {GraphShape::kBatch, 3, 2, 2});
  bare.add_output(ops::batch_norm(bare, "bn", {.x = x}, {.update_running = false}));
  try {
    (void)formats::encode_onnx(bare, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("'bn'"), HasSubstr("running statistics")));
  }
}

}  // namespace
}  // namespace equipoise::testing
