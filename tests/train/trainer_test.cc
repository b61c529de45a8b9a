#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "engine/images.h"
#include "equipoise/error.h"
#include "equipoise/recalibrate.h"
#include "equipoise/train.h"
#include "train/networks.h"

namespace equipoise::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
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
  // Of equally accurate ones that with the lowest loss.
  std::pair<double, double> best = {1, 0};
  bool won_by_loss = false;
  for (const EpochEvent& epoch : epochs) {
    const std::pair<double, double> now = {-epoch.validation->accuracy, epoch.validation->loss};
    EXPECT_EQ(epoch.best, now < best);
    won_by_loss |= now.first == best.first && epoch.best;
    best = std::min(best, now);
  }
  EXPECT_TRUE(won_by_loss);
  EXPECT_EQ(trainer.state().best_accuracy, -best.first);
  EXPECT_EQ(trainer.state().best_loss, best.second);
}

TEST(Trainer, MakesStepsOfSeveralBatches) {
  TrainerOptions options = of_epochs(2);
  options.accumulate = 3;
  Trainer trainer(two_class_session(), options);
  Batches training(kSizes);
  EXPECT_EQ(steps_of_epoch(training, 3), 2);
  std::vector<std::int64_t> batches;
  std::vector<std::int64_t> steps;
  double loss = 0;
  trainer.on_batch([&](const BatchEvent& event) {
    batches.push_back(event.samples);
    loss += event.result.loss * static_cast<double>(event.samples);
    EXPECT_EQ(event.result.results.view("logits").shape.samples(), event.samples);
  });
  trainer.on_step([&](const StepEvent& event) {
    steps.push_back(event.samples);
    EXPECT_EQ(event.batch, event.step % 2 == 0 ? 0 : 3);
    EXPECT_EQ(trainer.state().batch, event.step % 2 == 0 ? 3 : 4);
    EXPECT_NEAR(event.result.loss * static_cast<double>(event.samples), loss, 1e-9);
    loss = 0;
  });
  EXPECT_EQ(trainer.run(training), Ended::kAllEpochs);
  EXPECT_THAT(batches, ElementsAre(16, 16, 16, 9, 16, 16, 16, 9));
  EXPECT_THAT(steps, ElementsAre(48, 9, 48, 9));
  EXPECT_EQ(trainer.state().step, 4);
}

TEST(Trainer, PassesOverTheRestOfARefusedStep) {
  TrainerOptions options = of_epochs(2);
  options.accumulate = 3;
  Trainer trainer(two_class_session(), options);
  Batches source(kSizes);
  source.spoil(1);
  std::vector<std::int64_t> batches;
  int refused = 0;
  trainer.on_batch([&](const BatchEvent& event) {
    if (trainer.state().epoch == 1) batches.push_back(event.samples);
  });
  trainer.on_refused([&](const StepEvent& event) {
    ++refused;
    EXPECT_EQ(event.result.first_non_finite, "x");
  });
  EXPECT_THROW(trainer.run(source), Diverged);
  EXPECT_EQ(refused, 2);
  EXPECT_THAT(batches, ElementsAre(16, 9));  // the first of each step
  EXPECT_EQ(trainer.state().epoch, 1);
}

Session averaging_session() {
  return Session(two_class_network(),
                 {.optimizer = ops::SgdOptions{.momentum = 0.9}, .ema_decay = 0.8, .seed = 4});
}

TEST(Trainer, EvaluatesAveragedParametersWithStatisticsOfTheirOwn) {
  Trainer trainer(averaging_session(), of_epochs(3));
  Batches source(kSizes);
  Batches validation({32, 7});
  EXPECT_EQ(trainer.averaged(), nullptr);
  trainer.on_epoch([&](const EpochEvent& event) {
    ASSERT_TRUE(event.averaged.has_value());
    EXPECT_EQ(event.averaged->samples, 39);
    EXPECT_NE(event.averaged->loss, event.validation->loss);
    if (event.best) {
      EXPECT_EQ(trainer.state().best_accuracy, event.averaged->accuracy);
    }
    // As of a session whose parameters these are.
    Session other(two_class_network());
    trainer.session().average_into(other.state());
    recalibrate(other, source, {.epoch = event.epoch});
    const State* averaged = trainer.averaged();
    for (const char* name : {"fc1.weight", "bn.running_mean", "bn.running_var"}) {
      const auto expected = other.state().values(name);
      EXPECT_THAT(averaged->values(name), ElementsAreArray(expected)) << name;
    }
  });
  trainer.run(source, &validation);

  Trainer without(two_class_session(), of_epochs(1));
  without.on_epoch([](const EpochEvent& event) { EXPECT_FALSE(event.averaged.has_value()); });
  without.run(source, &validation);
  EXPECT_EQ(without.averaged(), nullptr);
}

TEST(Trainer, ClipsGradients) {
  const auto trained = [](std::optional<double> clip_norm) {
    TrainerOptions options = of_epochs(1);
    options.clip_norm = clip_norm;
    Trainer trainer(two_class_session(), options);
    Batches source(kSizes);
    trainer.run(source);
    return all_values(trainer.session());
  };
  EXPECT_EQ(trained(1e6), trained(std::nullopt));
  EXPECT_NE(trained(1e-3), trained(std::nullopt));
}

/// Stopped anywhere, in an epoch or between two, and gone on with in another session.
TEST(Trainer, GoesOnWithTheSameBits) {
  Batches source(kSizes);
  for (const std::int64_t accumulate : {1, 3}) {
    TrainerOptions options = of_epochs(3);
    options.schedule.warmup_steps = 1;
    options.accumulate = accumulate;
    Trainer whole(two_class_session(), options);
    whole.run(source, &source);
    const std::vector<float> expected = all_values(whole.session());
    for (std::int64_t stop_behind = 0; stop_behind < whole.state().step - 1; ++stop_behind) {
      SCOPED_TRACE(stop_behind);
      Trainer first(two_class_session(), options);
      first.on_step([&](const StepEvent& event) {
        if (event.step == stop_behind) first.stop();
      });
      EXPECT_EQ(first.run(source, &source), Ended::kStopped);
      EXPECT_EQ(first.state().step, stop_behind + 1);
      Trainer second(two_class_session(), options);
      second.session().state().load(std::as_const(first.session()).state().entries());
      second.resume(first.state());
      EXPECT_EQ(second.run(source, &source), Ended::kAllEpochs);
      EXPECT_EQ(all_values(second.session()), expected);
      EXPECT_EQ(second.state(), whole.state());
    }
  }
}

TEST(Trainer, RefusedStepsChangeNothingAndEndItWithAdvice) {
  Trainer trainer(two_class_session(),
                  {.epochs = 9, .schedule = {.rate = 0.1}, .most_refusals = 3});
  Batches source(kSizes);
  source.spoil(1);
  std::vector<float> before;
  int refused = 0;
  trainer.on_epoch([&](const EpochEvent&) {
    if (before.empty()) before = all_values(trainer.session());
  });
  trainer.on_refused([&](const StepEvent& event) {
    ++refused;
    EXPECT_EQ(event.result.first_non_finite, "x");
    EXPECT_EQ(all_values(trainer.session()), before);
  });
  EXPECT_THAT(error_of([&] { trainer.run(source); }),
              AllOf(HasSubstr("3 steps in a row"), HasSubstr("the input 'x' is not finite"),
                    HasSubstr("lower learning rate")));
  EXPECT_EQ(refused, 3);
  EXPECT_EQ(trainer.state().refused, 3);
  EXPECT_EQ(trainer.state().epoch, 1);
}

TEST(Trainer, AnEpochOfRefusedStepsEndsItWithAdvice) {
  Trainer trainer(two_class_session(), {.epochs = 9, .most_refusals = 6});
  Batches source(kSizes);
  source.spoil(1);
  int epochs = 0;
  trainer.on_epoch([&](const EpochEvent&) { ++epochs; });
  EXPECT_THAT(error_of([&] { trainer.run(source); }),
              AllOf(HasSubstr("all 4 steps of an epoch"), HasSubstr("the input 'x' is not finite"),
                    HasSubstr("lower learning rate")));
  EXPECT_EQ(epochs, 1);
  EXPECT_EQ(trainer.state().epoch, 1);
  EXPECT_EQ(trainer.state().batch, 4);
}

TEST(Trainer, AnEpochWhoseLossIsNoNumberIsNotTheBest) {
  Trainer trainer(two_class_session(), of_epochs(2));
  Batches training(kSizes);
  Batches validation({32});
  validation.spoil(0);
  trainer.on_epoch([](const EpochEvent& event) {
    EXPECT_TRUE(std::isnan(event.validation->loss));
    EXPECT_GT(event.validation->accuracy, 0);
    EXPECT_FALSE(event.best);
  });
  EXPECT_EQ(trainer.run(training, &validation), Ended::kAllEpochs);
  EXPECT_EQ(trainer.state().best_epoch, -1);
}

TEST(Trainer, RefusesWhatItCannotDo) {
  EXPECT_THROW(Trainer(two_class_session(), {.epochs = 0}), Error);
  EXPECT_THROW(Trainer(two_class_session(), {.accumulate = 0}), Error);
  EXPECT_THROW(Trainer(two_class_session(), {.recalibration_samples = -1}), Error);
  EXPECT_THROW(Trainer(two_class_session(), {.most_refusals = 0}), Error);
  EXPECT_THROW(Trainer(two_class_session(), {.schedule = {.rate = NAN}}), Error);
  Trainer too_warm(two_class_session(), {.epochs = 1, .schedule = {.warmup_steps = 4}});
  Batches source(kSizes);
  EXPECT_THROW(too_warm.run(source), Error);
  Trainer too_long(two_class_session(), {.epochs = std::numeric_limits<std::int64_t>::max()});
  EXPECT_THAT(error_of([&] { too_long.run(source); }), HasSubstr("more than can be counted"));
  Trainer without_optimizer{Session(two_class_network())};
  EXPECT_THROW(without_optimizer.run(source), Error);
}

TEST(Trainer, GoesOnFromNumbersThatFitTogetherAlone) {
  Trainer trainer(two_class_session());
  for (const TrainerState& state :
       {TrainerState{.epoch = -1}, TrainerState{.step = 1, .refused = 2},
        TrainerState{.step = 3, .refused = 1, .refused_in_a_row = 2},
        TrainerState{.refused_in_a_row = -1}, TrainerState{.epoch_samples = -1},
        TrainerState{.epoch_refused = -1}, TrainerState{.step = 3, .epoch_refused = 1},
        TrainerState{.best_epoch = -2}, TrainerState{.epoch = 1, .best_epoch = 1}}) {
    EXPECT_THAT(error_of([&] { trainer.resume(state); }), HasSubstr("cannot go on from"));
  }
  trainer.resume({.epoch = 1, .step = 3, .refused = 2, .refused_in_a_row = 1, .best_epoch = 0});
}

}  // namespace
}  // namespace equipoise::testing
