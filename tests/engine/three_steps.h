#pragma once

#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "engine/images.h"
#include "equipoise/session.h"

namespace equipoise::testing {

/// What three steps leave: losses and gradient norms, and the whole state.
struct Trained {
  std::vector<double> steps;
  std::vector<float> state;

  bool operator==(const Trained& other) const {
    return steps == other.steps && state.size() == other.state.size() &&
           std::memcmp(state.data(), other.state.data(), state.size() * sizeof(float)) == 0;
  }
};

template <class Step>
Trained three_steps(Session& session, const Step& step) {
  Trained trained;
  for (int i = 0; i < 3; ++i) {
    const StepResult result = step();
    EXPECT_TRUE(result.updated) << result.refusal;
    trained.steps.push_back(result.loss);
    trained.steps.push_back(result.gradient_norm);
  }
  trained.state = all_values(session);
  return trained;
}

}  // namespace equipoise::testing
