// Running statistics of several layers, committed all or none.

#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/running_statistics.h"
#include "norm/error_message.h"

namespace equipoise {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

class CommitTogether : public ::testing::Test {
 protected:
  void stage(RunningStatistics& running) {
    // Of the values 1.5, −2.25 and 3.
    running.stage(std::vector<Moments>(static_cast<std::size_t>(running.channels()),
                                       Moments{.count = 3, .mean = 0.75, .m2 = 14.625}));
  }
  void expect_unchanged(const RunningStatistics& running) {
    EXPECT_THAT(running.mean(), Each(0));
    EXPECT_THAT(running.var(), Each(1));
    EXPECT_EQ(running.num_batches_tracked(), 0);
  }

  RunningStatistics a_{2, {}, "a"};
  RunningStatistics b_{3, {}, "b"};
  std::vector<RunningStatistics*> both_ = {&a_, &b_};
};

TEST_F(CommitTogether, CommitsAll) {
  stage(a_);
  stage(b_);
  commit_together(both_);
  EXPECT_THAT(a_.mean(), Each(0.075F));
  EXPECT_THAT(b_.mean(), Each(0.075F));
  EXPECT_EQ(a_.staged() + b_.staged(), 0);
}

TEST_F(CommitTogether, OneNanChangesNoLayer) {
  stage(a_);
  stage(b_);
  b_.stage(std::vector<Moments>(3, Moments{4, std::nan(""), 1}));
  EXPECT_THAT(message_of([&] { commit_together(both_); }), HasSubstr("b: "));
  expect_unchanged(a_);
  expect_unchanged(b_);
  EXPECT_EQ(a_.staged(), 1);
}

TEST_F(CommitTogether, OneLayerWithoutAStageChangesNoLayer) {
  stage(a_);
  EXPECT_THAT(message_of([&] { commit_together(both_); }), HasSubstr("b: commit without"));
  expect_unchanged(a_);
}

TEST_F(CommitTogether, ALayerListedTwiceIsAnError) {
  stage(a_);
  EXPECT_THAT(message_of([&] {
                commit_together(std::vector{&a_, &a_});
              }),
              HasSubstr("listed twice"));
  expect_unchanged(a_);
}

TEST_F(CommitTogether, NullIsAnError) {
  stage(a_);
  const std::vector<RunningStatistics*> with_null = {&a_, nullptr};
  EXPECT_THAT(message_of([&] { commit_together(with_null); }), HasSubstr("2 of 2 are null"));
  expect_unchanged(a_);
}

}  // namespace
}  // namespace equipoise
