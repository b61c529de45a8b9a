#include <cmath>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/images.h"
#include "equipoise/error.h"
#include "equipoise/train.h"
#include "train/networks.h"

namespace equipoise::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::vector<std::int64_t> kSizes = {16, 16, 16, 9};

TrainerOptions of_epochs(std::int64_t epochs) {
  return {.epochs = epochs, .schedule = {.rate = 0.1, .warmup_steps = 2}};
}

TEST(Trainer, LearnsAndTellsOfItsSteps) {
  Trainer trainer(two_class_session(), of_epochs(6));
  Batches training(kSizes);
  Batches validation({32, 7});
  std::vector<double> rates;
  std::vector<EpochEvent> epochs;
  trainer.on_step([&](const StepEvent& event) {
    EXPECT_EQ(event.step, static_cast<std::int64_t>(rates.size()));
    EXPECT_EQ(event.samples, kSizes[static_cast<std::size_t>(event.batch)]);
    EXPECT_EQ(trainer.state().step, event.step + 1);
    rates.push_back(event.rate);
  });
  trainer.on_epoch([&](const EpochEvent& event) { epochs.push_back(event); });
  EXPECT_EQ(trainer.run(training, &validation), Ended::kAllEpochs);

  ASSERT_EQ(rates.size(), 24U);
  Schedule schedule = trainer.options().schedule;
  schedule.steps = 24;
  for (std::size_t i = 0; i < rates.size(); ++i) {
    EXPECT_EQ(rates[i], rate_at(schedule, static_cast<std::int64_t>(i)));
  }
  ASSERT_EQ(epochs.size(), 6U);
  EXPECT_LT(epochs.back().loss, epochs.front().loss);
  EXPECT_EQ(epochs.back().validation->samples, 39);
  EXPECT_GT(epochs.back().validation->accuracy, 0.9);
  double best = -1;
  for (const EpochEvent& epoch : epochs) {
    EXPECT_EQ(epoch.best, epoch.validation->accuracy > best);
    best = std::max(best, epoch.validation->accuracy);
  }
  EXPECT_EQ(trainer.state().best_accuracy, best);
}

/// Stopped anywhere, in an epoch or between two, and gone on with in another session.
TEST(Trainer, GoesOnWithTheSameBits) {
  Batches source(kSizes);
  Trainer whole(two_class_session(), of_epochs(3));
  whole.run(source, &source);
  const std::vector<float> expected = all_values(whole.session());
  for (const std::int64_t stop_behind : {0, 2, 3, 4, 10}) {
    Trainer first(two_class_session(), of_epochs(3));
    first.on_step([&](const StepEvent& event) {
      if (event.step == stop_behind) first.stop();
    });
    EXPECT_EQ(first.run(source, &source), Ended::kStopped);
    EXPECT_EQ(first.state().step, stop_behind + 1);
    Trainer second(two_class_session(), of_epochs(3));
    second.session().state().load(std::as_const(first.session()).state().entries());
    second.resume(first.state());
    EXPECT_EQ(second.run(source, &source), Ended::kAllEpochs);
    EXPECT_EQ(all_values(second.session()), expected) << "stopped behind " << stop_behind;
    EXPECT_EQ(second.state(), whole.state()) << "stopped behind " << stop_behind;
  }
}

TEST(Trainer, RefusedStepsChangeNothingAndEndItWithAdvice) {
  Trainer trainer(two_class_session(),
                  {.epochs = 9, .schedule = {.rate = 0.1}, .most_refusals = 6});
  Batches source(kSizes);
  source.spoil(1);
  std::vector<float> before;
  int refused = 0;
  trainer.on_epoch([&](const EpochEvent&) {
    if (before.empty()) before = all_values(trainer.session());
  });
  trainer.on_refused([&](const StepEvent& event) {
    ++refused;
    EXPECT_FALSE(event.result.refusal.empty());
    EXPECT_EQ(all_values(trainer.session()), before);
  });
  try {
    trainer.run(source);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(),
                AllOf(HasSubstr("6 steps in a row"), HasSubstr("lower learning rate")));
  }
  EXPECT_EQ(refused, 6);
  EXPECT_EQ(trainer.state().refused, 6);
  EXPECT_EQ(trainer.state().epoch, 2);
}

TEST(Trainer, RefusesWhatItCannotDo) {
  EXPECT_THROW(Trainer(two_class_session(), {.epochs = 0}), Error);
  EXPECT_THROW(Trainer(two_class_session(), {.most_refusals = 0}), Error);
  EXPECT_THROW(Trainer(two_class_session(), {.schedule = {.rate = NAN}}), Error);
  Trainer too_warm(two_class_session(), {.epochs = 1, .schedule = {.warmup_steps = 4}});
  Batches source(kSizes);
  EXPECT_THROW(too_warm.run(source), Error);
  Trainer without_optimizer{Session(two_class_network())};
  EXPECT_THROW(without_optimizer.run(source), Error);
  EXPECT_THROW(without_optimizer.resume({.epoch = -1}), Error);
  EXPECT_THROW(without_optimizer.resume({.step = 1, .refused = 2}), Error);
}

}  // namespace
}  // namespace equipoise::testing
