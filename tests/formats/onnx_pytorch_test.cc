#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/norm_summary.h"
#include "formats/onnx_networks.h"
#include "formats/safetensors.h"

namespace equipoise::testing {
namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// What torch_onnx.py has written.
class OnnxOfPyTorch : public ::testing::TestWithParam<const char*> {
 protected:
  static std::filesystem::path path(const std::string& end) {
    return std::filesystem::path(EQUIPOISE_TORCH_ONNX) / (GetParam() + end);
  }

  void SetUp() override {
    if (std::filesystem::exists(path(".safetensors"))) return;
    ASSERT_EQ(std::getenv("EQUIPOISE_REQUIRE_ORACLES"), nullptr) << "no " << path(".safetensors");
    GTEST_SKIP() << "no answers of PyTorch in " << EQUIPOISE_TORCH_ONNX;
  }

  static void expect_outputs(const formats::OnnxModel& model) {
    const std::string file = read_file(path(".safetensors"));
    const auto tensors =
        formats::parse_safetensors(std::as_bytes(std::span(file)), "tensors").tensors;
    ASSERT_EQ(tensors.size(), 2U);
    const std::vector<float> image = formats::to_f32(tensors[0]);
    const std::vector<float> logits = formats::to_f32(tensors[1]);
    Session session(model.graph);
    session.state().load(views(model));
    const Shape shape(std::span<const std::int64_t>(tensors[0].shape));
    const auto actual =
        session.run({{"image", {.data = image.data(), .shape = shape}}}).values("logits");
    ASSERT_EQ(actual.size(), logits.size());
    float largest = 0;
    for (const float value : logits) largest = std::max(largest, std::abs(value));
    for (std::size_t i = 0; i < logits.size(); ++i) {
      EXPECT_NEAR(actual[i], logits[i], 1e-4F * largest) << i;
    }
  }
};

TEST_P(OnnxOfPyTorch, ComputesTheSame) {
  const formats::OnnxModel model = decode(read_file(path(".onnx")), "torch");
  EXPECT_FALSE(summarize_norms(model.graph).empty());
  expect_outputs(model);
}

TEST_P(OnnxOfPyTorch, ComputesTheSameWhereConstantsAreFolded) {
  expect_outputs(decode(read_file(path("_folded.onnx")), "torch"));
}

TEST_P(OnnxOfPyTorch, IsTheSameWrittenAgain) {
  const formats::OnnxModel model = decode(read_file(path(".onnx")), "torch");
  const formats::OnnxModel again = decode(formats::encode_onnx(model.graph, views(model)));
  EXPECT_EQ(again.graph.nodes().size(), model.graph.nodes().size());
  expect_outputs(again);
}

INSTANTIATE_TEST_SUITE_P(Networks, OnnxOfPyTorch,
                         ::testing::Values("resnet18", "mobilenet_v2", "mobilenet_v3_small",
                                           "efficientnet_b0", "mixed", "mixed_opset17"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace equipoise::testing
