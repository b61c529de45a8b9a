#include "models/network_oracle.h"

namespace equipoise::testing {

INSTANTIATE_TEST_SUITE_P(, NetworkOracle, ::testing::ValuesIn(small_network_cases()),
                         [](const auto& tested) { return tested.param.name(); });

}  // namespace equipoise::testing
