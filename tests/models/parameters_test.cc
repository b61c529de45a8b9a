/// Names, shapes and counts of parameters are those of PyTorch and torchvision
/// (torch_parameters.py has run before) and of timm 0.6.13 (timm_parameters.txt).

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "equipoise/models.h"

namespace equipoise {
namespace {

/// Shapes by name.
using Parameters = std::map<std::string, std::string>;

struct Network {
  std::string model;
  std::string norm;
  auto operator<=>(const Network&) const = default;
};

std::map<Network, Parameters> read_parameters(const std::string& path) {
  std::map<Network, Parameters> networks;
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    Network network;
    std::string name;
    words >> network.model >> network.norm >> name;
    std::vector<std::int64_t> dimensions;
    for (std::int64_t dimension = 0; words >> dimension;) dimensions.push_back(dimension);
    networks[network][name] = to_string(Shape(std::span<const std::int64_t>(dimensions)));
  }
  return networks;
}

ModelNorm::Kind norm_kind(const std::string& name) {
  for (const auto kind :
       {ModelNorm::Kind::kBatch, ModelNorm::Kind::kLayer, ModelNorm::Kind::kNone}) {
    if (name == to_string(kind)) return kind;
  }
  ADD_FAILURE() << name;
  return ModelNorm::Kind::kNone;
}

Parameters parameters_of(const Graph& graph) {
  Parameters parameters;
  for (const TensorInfo& info : graph.tensors()) {
    if (info.role == TensorRole::kParameter || info.role == TensorRole::kBuffer) {
      parameters[info.name] = to_string(info.type.shape);
    }
  }
  return parameters;
}

std::int64_t parameter_count(const Graph& graph) {
  std::int64_t count = 0;
  for (const TensorId id : graph.with_role(TensorRole::kParameter)) {
    count += graph.tensor(id).type.shape.resolve(1).element_count();
  }
  return count;
}

void expect_same_parameters(const std::map<Network, Parameters>& networks) {
  for (const auto& [network, expected] : networks) {
    SCOPED_TRACE(network.model + " " + network.norm);
    const Graph graph = build_model(network.model, {.norm = {.kind = norm_kind(network.norm)}});
    const Parameters actual = parameters_of(graph);
    for (const auto& [name, shape] : expected) {
      const auto found = actual.find(name);
      ASSERT_NE(found, actual.end()) << name;
      EXPECT_EQ(found->second, shape) << name;
    }
    EXPECT_EQ(actual.size(), expected.size());
  }
}

TEST(ModelParameters, AreCalledAndShapedAsInTorchvision) {
  const auto networks = read_parameters(EQUIPOISE_TORCH_PARAMETERS);
  if (networks.empty()) {
    ASSERT_EQ(std::getenv("EQUIPOISE_REQUIRE_ORACLES"), nullptr) << EQUIPOISE_TORCH_PARAMETERS;
    GTEST_SKIP() << "nothing in " << EQUIPOISE_TORCH_PARAMETERS
                 << ": install python3-torchvision and run ctest, which fills it first";
  }
  expect_same_parameters(networks);
}

TEST(ModelParameters, OfEfficientNetLiteAreCalledAndShapedAsInTimm) {
  const auto networks = read_parameters(EQUIPOISE_TIMM_PARAMETERS);
  ASSERT_EQ(networks.size(), 1);
  expect_same_parameters(networks);
}

TEST(ModelParameters, AreAsManyAsPublished) {
  EXPECT_EQ(parameter_count(build_model("resnet18")), 11'689'512);
  EXPECT_EQ(parameter_count(build_model("resnet34")), 21'797'672);
  EXPECT_EQ(parameter_count(build_model("resnet50")), 25'557'032);
  EXPECT_EQ(parameter_count(build_model("resnet101")), 44'549'160);
  EXPECT_EQ(parameter_count(build_model("efficientnet_b0")), 5'288'548);
  EXPECT_EQ(parameter_count(build_model("efficientnet_b1")), 7'794'184);
  EXPECT_EQ(parameter_count(build_model("efficientnet_b2")), 9'109'994);
  EXPECT_EQ(parameter_count(build_model("efficientnet_b3")), 12'233'232);
  EXPECT_EQ(parameter_count(build_model("efficientnet_lite0")), 4'652'008);
  EXPECT_EQ(parameter_count(build_model("mobilenet_v2")), 3'504'872);
  EXPECT_EQ(parameter_count(build_model("vgg11")), 132'868'840);
  EXPECT_EQ(parameter_count(build_model("vgg16")), 138'365'992);
  const ModelOptions without{.norm = {.kind = ModelNorm::Kind::kNone}};
  EXPECT_EQ(parameter_count(build_model("vgg11", without)), 132'863'336);
  EXPECT_EQ(parameter_count(build_model("vgg16", without)), 138'357'544);
}

TEST(ModelParameters, OfPlainNetworksAreThoseOfResNetsWithoutShortcuts) {
  for (const char* depth : {"20", "56"}) {
    Parameters expected = parameters_of(build_model(std::string("resnet") + depth));
    std::erase_if(expected, [](const auto& entry) {
      return entry.first.find("downsample") != std::string::npos;
    });
    EXPECT_EQ(parameters_of(build_model(std::string("plain") + depth)), expected);
  }
}

}  // namespace
}  // namespace equipoise
