#pragma once

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "equipoise/graph.h"
#include "models/network_cases.h"
#include "models/oracle_file.h"

namespace equipoise::testing {

/// What PyTorch makes of a network; skipped where pytorch_networks.py could not write it. A program
/// of such tests has small_networks.cc or large_networks.cc among its sources, which say of which.
class NetworkOracle : public ::testing::TestWithParam<NetworkCase> {
 protected:
  void SetUp() override {
    path_ = std::filesystem::path(EQUIPOISE_PYTORCH_NETWORKS) / (GetParam().name() + ".bin");
    if (std::filesystem::exists(path_)) return;
    ASSERT_EQ(std::getenv("EQUIPOISE_REQUIRE_ORACLES"), nullptr) << "no " << path_;
    GTEST_SKIP() << "no " << path_
                 << ": install python3-torchvision and run ctest, which writes it first";
  }

  OracleFile oracle() const { return OracleFile(path_); }

 private:
  std::filesystem::path path_;
};

/// Of all inputs, parameters and buffers, by name.
inline std::map<std::string, Array> given_values(const Graph& graph, OracleFile& oracle) {
  std::map<std::string, Array> values;
  for (const TensorInfo& info : graph.tensors()) {
    if (info.role == TensorRole::kInput) values[info.name] = oracle.read("input/" + info.name);
    if (info.role == TensorRole::kParameter || info.role == TensorRole::kBuffer) {
      values[info.name] = oracle.read("state/" + info.name);
    }
  }
  return values;
}

}  // namespace equipoise::testing
