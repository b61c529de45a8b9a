#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "equipoise/error.h"
#include "equipoise/train.h"
#include "train/networks.h"

namespace equipoise::testing {
namespace {

using ::testing::HasSubstr;

/// Batches that are there, of logits that are the input itself.
class Given final : public BatchSource {
 public:
  struct Batch {
    std::vector<float> logits;
    std::vector<std::int32_t> labels;
  };

  explicit Given(std::vector<Batch> given) : given_(std::move(given)) {}

  void start(std::int64_t /*epoch*/, std::int64_t batch) override { next_ = batch; }
  std::span<const Input> next() override {
    if (next_ == batches()) return {};
    Batch& batch = given_[static_cast<std::size_t>(next_++)];
    const auto count = static_cast<std::int64_t>(batch.labels.size());
    inputs_ = {
        {"x", {.data = batch.logits.data(), .shape = Shape{count, 3}}},
        {"labels", {.data = batch.labels.data(), .shape = Shape{count}, .dtype = DType::kI32}}};
    return inputs_;
  }
  std::int64_t batches() const override { return static_cast<std::int64_t>(given_.size()); }

 private:
  std::vector<Batch> given_;
  std::int64_t next_ = 0;
  std::vector<Input> inputs_;
};

Session identity() {
  Graph graph("identity");
  const TensorId x = graph.add_input("x", {GraphShape::kBatch, 3});
  const TensorId labels = graph.add_input("labels", {GraphShape::kBatch}, DType::kI32);
  const TensorId scale = graph.add_parameter("scale", {3}, {.value = 1});
  const TensorId logits = ops::multiply(graph, "logits", x, scale);
  graph.add_output(logits);
  graph.add_output(ops::cross_entropy(graph, "loss", logits, labels));
  return Session(graph);
}

TEST(Evaluate, WeighsSamplesAlikeInBatchesOfAnySize) {
  Session session = identity();
  Given source({{{2, 1, 0, 0, 0, 5}, {0, 1}}, {{0, 0, 0}, {2}}});
  const Evaluation result = evaluate(session, source);
  EXPECT_EQ(result.samples, 3);
  // Right, wrong; the first of equals is taken: wrong.
  EXPECT_DOUBLE_EQ(result.accuracy, 1.0 / 3);
  const double first = std::log(std::exp(2.0) + std::exp(1.0) + 1) - 2;
  const double second = std::log(2 + std::exp(5.0));
  EXPECT_NEAR(result.loss, (first + second + std::log(3.0)) / 3, 1e-6);
}

TEST(Evaluate, CountsClassByClass) {
  Session session = identity();
  Given source({{{2, 1, 0, 0, 0, 5}, {0, 1}}, {{0, 7, 0}, {1}}});
  const std::vector<ClassCount> classes = evaluate(session, source).classes;
  ASSERT_EQ(classes.size(), 3);
  const auto expect = [&](std::size_t i, std::int64_t samples, std::int64_t right) {
    EXPECT_EQ(classes[i].samples, samples);
    EXPECT_EQ(classes[i].right, right);
  };
  expect(0, 1, 1);
  expect(1, 2, 1);
  expect(2, 0, 0);
}

TEST(Evaluate, LargeLogitsDoNotOverflow) {
  Session session = identity();
  Given source({{{1e30F, -1e30F, 0}, {0}}});
  const Evaluation result = evaluate(session, source);
  EXPECT_DOUBLE_EQ(result.loss, 0);
  EXPECT_DOUBLE_EQ(result.accuracy, 1);
}

TEST(Evaluate, NaNIsNeverRight) {
  Session session = identity();
  const float nan = std::nanf("");
  Given source({{{nan, nan, nan}, {0}}});
  EXPECT_DOUBLE_EQ(evaluate(session, source).accuracy, 0);
}

TEST(Evaluate, OfNothingOrOfOtherLabelsIsAnError) {
  Session session = identity();
  Given nothing({});
  EXPECT_THROW(static_cast<void>(evaluate(session, nothing)), Error);
  for (const std::int32_t label : {-1, 3}) {
    Given other({{{0, 0, 0}, {label}}});
    try {
      static_cast<void>(evaluate(session, other));
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("the 3 classes are 0 to 2"));
    }
  }
}

/// One batch of two samples, with whatever labels.
class Labelled final : public BatchSource {
 public:
  explicit Labelled(const ConstTensorView& labels)
      : inputs_{{"x", {.data = logits_.data(), .shape = {2, 3}}}, {"labels", labels}} {}

  void start(std::int64_t /*epoch*/, std::int64_t /*batch*/) override { is_read_ = false; }
  std::span<const Input> next() override {
    return std::exchange(is_read_, true) ? std::span<const Input>() : inputs_;
  }
  std::int64_t batches() const override { return 1; }

 private:
  std::vector<float> logits_ = std::vector<float>(6);
  std::vector<Input> inputs_;
  bool is_read_ = false;
};

TEST(Evaluate, LabelsOfAnotherShapeOrTypeAreErrors) {
  Session session = identity();
  const std::vector<std::int32_t> labels = {0, 1, 2};
  for (const ConstTensorView& view :
       std::vector<ConstTensorView>{{.data = labels.data(), .shape = {1}, .dtype = DType::kI32},
                                    {.data = labels.data(), .shape = {3}, .dtype = DType::kI32},
                                    {.data = labels.data(), .shape = {2, 1}, .dtype = DType::kI32},
                                    {.data = labels.data(), .shape = {2}}}) {
    Labelled source(view);
    EXPECT_THAT(error_of([&] { static_cast<void>(evaluate(session, source)); }),
                HasSubstr("they have to be (N, K) of f32 and (N) of i32"));
  }
}

}  // namespace
}  // namespace equipoise::testing
