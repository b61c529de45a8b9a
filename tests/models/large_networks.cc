#include "models/engine_settings.h"
#include "models/network_oracle.h"

namespace equipoise::testing {

std::vector<EngineSetting> engine_settings() { return pairwise_engine_settings(); }

std::vector<NetworkCase> network_cases() { return large_network_cases(); }

INSTANTIATE_TEST_SUITE_P(, NetworkOracle, ::testing::ValuesIn(network_cases()),
                         [](const auto& tested) { return tested.param.name(); });

}  // namespace equipoise::testing
