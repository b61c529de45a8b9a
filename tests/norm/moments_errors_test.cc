#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/error.h"
#include "equipoise/norm.h"

namespace equipoise::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class MomentsErrors : public ::testing::Test {
 protected:
  void call() { moments(x_, partition_, weights_, out_); }

  std::vector<float> values_ = std::vector<float>(36, 1.0F);
  ConstTensorView x_ = {.data = values_.data(), .shape = {3, 6, 2}};
  Partition partition_ = {.samples = 3, .channels = 1};
  std::vector<float> weights_;
  std::vector<Moments> out_ = std::vector<Moments>(6);
};

TEST_F(MomentsErrors, OutputHasOneEntryPerGroup) {
  out_.resize(5);
  EXPECT_THAT([&] { call(); }, ThrowsMessage<Error>(HasSubstr("5")));
}

TEST_F(MomentsErrors, ChannelsOfAGroupDivideTheChannels) {
  for (const std::int64_t channels : {-1, 0, 4, 12}) {
    partition_.channels = channels;
    EXPECT_THAT([&] { call(); }, ThrowsMessage<Error>(HasSubstr("channels")));
  }
}

TEST_F(MomentsErrors, SamplesOfAGroupArePositive) {
  for (const std::int64_t samples : {-1, 0}) {
    partition_.samples = samples;
    EXPECT_THAT([&] { call(); }, ThrowsMessage<Error>(HasSubstr("samples")));
  }
}

TEST_F(MomentsErrors, InputIsNotNull) {
  x_.data = nullptr;
  EXPECT_THAT([&] { call(); }, ThrowsMessage<Error>(HasSubstr("null")));
  x_ = {};
  EXPECT_THAT([&] { call(); }, ThrowsMessage<Error>(HasSubstr("x is missing")));
}

TEST_F(MomentsErrors, PositionWeightsAreOnePerSampleAndPosition) {
  weights_.assign(5, 1.0F);
  EXPECT_THAT([&] { call(); }, ThrowsMessage<Error>(HasSubstr("position_weights")));
  weights_.assign(6, -1.0F);
  EXPECT_THAT([&] { call(); }, ThrowsMessage<Error>(HasSubstr("position_weights")));
}

TEST_F(MomentsErrors, OutputIsMemoryOfItsOwn) {
  auto* const elements = reinterpret_cast<float*>(out_.data());
  x_.data = elements;
  EXPECT_THAT([&] { call(); }, ThrowsMessage<Error>(HasSubstr("the result overlaps x")));
  x_.data = values_.data();
  EXPECT_THAT(
      [&] {
        moments(x_, partition_, {elements, 6}, out_);
      },
      ThrowsMessage<Error>(HasSubstr("the result overlaps position_weights")));
}

}  // namespace
}  // namespace equipoise::testing
