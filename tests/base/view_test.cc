#include <array>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "equipoise/tensor.h"

namespace equipoise {
namespace {

using ::testing::HasSubstr;

TEST(ViewOf, HasTheTypeOfTheElements) {
  std::vector<float> f32(6);
  const std::array<BFloat16, 6> bf16{};
  std::array<std::int32_t, 6> i32{};
  const TensorView of_vector = view_of(f32, {2, 3});
  EXPECT_EQ(of_vector.data, f32.data());
  EXPECT_EQ(of_vector.shape, Shape({2, 3}));
  EXPECT_EQ(of_vector.layout, Layout::kChannelsFirst);
  EXPECT_EQ(of_vector.dtype, DType::kF32);
  EXPECT_EQ(view_of(bf16, {6}).dtype, DType::kBF16);
  EXPECT_EQ(view_of(std::span(i32).first(4), {4}).dtype, DType::kI32);
  EXPECT_EQ(view_of(std::span(f32), {2, 3}, Layout::kChannelsLast).layout, Layout::kChannelsLast);
}

TEST(ViewOf, WhatIsReadOnlyStaysSo) {
  std::vector<float> values(1);
  const auto& read_only = values;
  static_assert(std::is_same_v<decltype(view_of(values, {1})), TensorView>);
  static_assert(std::is_same_v<decltype(view_of(read_only, {1})), ConstTensorView>);
  static_assert(
      std::is_same_v<decltype(view_of(std::span<const float>(values), {1})), ConstTensorView>);
}

TEST(ViewOf, ABufferOfAnotherSizeIsAnError) {
  std::vector<float> values(24);
  EXPECT_THAT(testing::error_of([&] {
                (void)view_of(values, {2, 3, 5});
              }),
              HasSubstr("24 elements for a tensor (2, 3, 5) channels_first, which takes 30"));
  // Blocked layouts have padding in memory.
  EXPECT_THAT(testing::error_of([&] {
                (void)view_of(values, {2, 3, 4}, Layout::kBlocked8);
              }),
              HasSubstr("which takes 64"));
  std::vector<float> padded(64);
  EXPECT_EQ(view_of(padded, {2, 3, 4}, Layout::kBlocked8).data, padded.data());
}

}  // namespace
}  // namespace equipoise
