#pragma once

#include <cstdint>

#include "graph/operation.h"

namespace equipoise {

/// loss = mean over n of −Σ_k q[n,k]·log softmax(logits[n])[k], with q = 1 − s + s/K at the label
/// and s/K elsewhere, s the smoothing (Szegedy et al. 2016). logits (N, K), labels (N) i32. A label
/// out of range is an Error of the run.
class CrossEntropy final : public Operation {
 public:
  enum Input { kLogits, kLabels };

  explicit CrossEntropy(double label_smoothing) : label_smoothing_(label_smoothing) {}

  double label_smoothing() const { return label_smoothing_; }

  std::string_view type() const override { return "cross_entropy"; }
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  void differentiate(GradientWriter& writer) const override;

 private:
  double label_smoothing_;
};

/// dlogits = dloss/N·(softmax(logits) − q).
class CrossEntropyGradient final : public Operation {
 public:
  enum Input { kLogits, kLabels, kDLoss };

  explicit CrossEntropyGradient(double label_smoothing) : label_smoothing_(label_smoothing) {}

  double label_smoothing() const { return label_smoothing_; }

  std::string_view type() const override { return "cross_entropy_gradient"; }
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;

 private:
  double label_smoothing_;
};

/// Throws Error, which both operations are in a run, for a label that is none of the classes.
void check_label(std::int64_t label, std::int64_t sample, std::int64_t classes);

}  // namespace equipoise
