#include "models/network_oracle.h"

namespace equipoise::testing {

INSTANTIATE_TEST_SUITE_P(, NetworkOracle, ::testing::ValuesIn(large_network_cases()),
                         [](const auto& tested) { return tested.param.name(); });

}  // namespace equipoise::testing
