#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "equipoise/session.h"
#include "graph/array.h"

namespace equipoise::testing {

/// A session with these values, and inputs for it.
class Runner {
 public:
  Runner(const Graph& graph, const std::map<std::string, Array>& values,
         const SessionOptions& options)
      : session_(graph, options) {
    for (const auto& [name, array] : values) {
      const TensorInfo& info = graph.tensor(graph.tensor(name));
      if (info.role != TensorRole::kInput) {
        std::ranges::transform(array.values, session_.state().values(name).begin(),
                               [](double v) { return static_cast<float>(v); });
      } else if (info.type.dtype == DType::kI32) {
        auto& to = indices_[name];
        to.assign(array.values.begin(), array.values.end());
        inputs_.push_back(
            {info.name, {.data = to.data(), .shape = array.shape, .dtype = DType::kI32}});
      } else {
        auto& to = numbers_[name];
        to.assign(array.values.begin(), array.values.end());
        inputs_.push_back({info.name, {.data = to.data(), .shape = array.shape}});
      }
    }
  }

  Session& session() { return session_; }

  StepResult train(const StepOptions& options = {}) { return session_.train(inputs_, options); }
  Results run() {
    std::erase_if(inputs_, [](const Input& input) { return input.name == "labels"; });
    return session_.run(inputs_);
  }

 private:
  Session session_;
  std::map<std::string, std::vector<float>> numbers_;
  std::map<std::string, std::vector<std::int32_t>> indices_;
  std::vector<Input> inputs_;
};

}  // namespace equipoise::testing
