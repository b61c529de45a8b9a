#include "base/text.h"

#include <array>
#include <string_view>

#include <gtest/gtest.h>

namespace equipoise {
namespace {

constexpr std::string_view kModels[] = {"resnet18", "resnet34", "resnet50", "resnet101", "mlp"};

TEST(DidYouMean, NamesTheNearestFirst) {
  EXPECT_EQ(did_you_mean("resnet35", kModels),
            "; did you mean 'resnet34', 'resnet18', 'resnet50'?");
  EXPECT_EQ(did_you_mean("mpl", std::array<std::string_view, 2>{"mlp", "mpls"}),
            "; did you mean 'mpls', 'mlp'?");
}

TEST(DidYouMean, TakesLettersThatChangedPlacesForOneMistake) {
  EXPECT_EQ(did_you_mean("trian", std::array<std::string_view, 2>{"train", "predict"}),
            "; did you mean 'train'?");
  EXPECT_EQ(did_you_mean("--bacth", std::array<std::string_view, 2>{"--batch", "--branch"}),
            "; did you mean '--batch'?");
}

TEST(DidYouMean, KnowsNamesThatBeginSo) {
  EXPECT_EQ(did_you_mean("m", kModels), "; did you mean 'mlp'?");
  EXPECT_EQ(did_you_mean("layer1", std::array<std::string_view, 2>{"layer2.0.conv1.weight",
                                                                   "layer1.0.conv1.weight"}),
            "; did you mean 'layer1.0.conv1.weight'?");
}

TEST(DidYouMean, NamesThreeAtMost) {
  EXPECT_EQ(did_you_mean("resnet", kModels), "; did you mean 'resnet18', 'resnet34', 'resnet50'?");
}

TEST(DidYouMean, SaysNothingWhereNothingIsNear) {
  EXPECT_EQ(did_you_mean("transformer", kModels), "");
  EXPECT_EQ(did_you_mean("mlp", {}), "");
  EXPECT_EQ(did_you_mean("", kModels), "");
}

TEST(MatchesPattern, IsAboutTheWholeText) {
  EXPECT_TRUE(matches_pattern("conv1", "conv1"));
  EXPECT_FALSE(matches_pattern("conv1.weight", "conv1"));
  EXPECT_FALSE(matches_pattern("conv1", "conv1.weight"));
  EXPECT_FALSE(matches_pattern("conv1", ""));
  EXPECT_TRUE(matches_pattern("", ""));
}

TEST(MatchesPattern, StarIsAnyCharactersAndNone) {
  EXPECT_TRUE(matches_pattern("", "*"));
  EXPECT_TRUE(matches_pattern("", "**"));
  EXPECT_TRUE(matches_pattern("layer1.0.bn1.weight", "*"));
  EXPECT_TRUE(matches_pattern("layer1.0.bn1.weight", "layer1.*"));
  EXPECT_TRUE(matches_pattern("layer1.0.bn1.weight", "*.bn?.weight"));
  EXPECT_TRUE(matches_pattern("layer1.0.bn1.weight", "layer1*weight"));
  EXPECT_FALSE(matches_pattern("layer1.0.bn1.weight", "*.bias"));
  EXPECT_FALSE(matches_pattern("layer10.weight", "layer1.*"));
}

TEST(MatchesPattern, StarTakesMoreWhereTheFirstPlaceDoesNotFit) {
  EXPECT_TRUE(matches_pattern("aab", "*ab"));
  EXPECT_TRUE(matches_pattern("abcabd", "*ab?"));
  EXPECT_TRUE(matches_pattern("xayaza", "*a*a"));
  EXPECT_FALSE(matches_pattern("abcabd", "*ab?e"));
}

TEST(MatchesPattern, QuestionMarkIsOneCharacter) {
  EXPECT_TRUE(matches_pattern("bn1", "bn?"));
  EXPECT_FALSE(matches_pattern("bn", "bn?"));
  EXPECT_FALSE(matches_pattern("bn10", "bn?"));
}

}  // namespace
}  // namespace equipoise
