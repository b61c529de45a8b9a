#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/graph.h"
#include "norm/error_message.h"

namespace equipoise {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kN = GraphShape::kBatch;

TEST(GraphShape, SaysWhetherItIsBatched) {
  EXPECT_TRUE((GraphShape{kN, 3}).batched());
  EXPECT_FALSE((GraphShape{2, 3}).batched());
  EXPECT_FALSE(GraphShape{}.batched());
  EXPECT_EQ(GraphShape{}.rank(), 0);
}

TEST(GraphShape, ResolvesItsBatch) {
  EXPECT_EQ((GraphShape{kN, 3}).resolve(5), (Shape{5, 3}));
  EXPECT_EQ((GraphShape{2, 3}).resolve(5), (Shape{2, 3}));
  EXPECT_EQ(GraphShape{}.resolve(5), Shape{});
}

TEST(GraphShape, IsTextWithN) {
  EXPECT_EQ(to_string(GraphShape{kN, 64, 56, 56}), "(N, 64, 56, 56)");
  EXPECT_EQ(to_string(GraphShape{}), "()");
}

TEST(GraphShape, IsEqualByDimensions) {
  EXPECT_EQ((GraphShape{kN, 3}), (GraphShape{kN, 3}));
  EXPECT_NE((GraphShape{kN, 3}), (GraphShape{1, 3}));
  EXPECT_NE((GraphShape{3}), (GraphShape{3, 0}));
}

TEST(GraphShape, OnlyTheFirstDimensionIsTheBatch) {
  EXPECT_THAT(message_of([] { GraphShape({3, kN}); }), HasSubstr("dimensions must be at least 0"));
  EXPECT_THAT(message_of([] { GraphShape({-2, 3}); }), HasSubstr("dimensions must be at least 0"));
}

TEST(GraphShape, HasEightDimensionsAtMost) {
  EXPECT_EQ((GraphShape{kN, 1, 1, 1, 1, 1, 1, 1}).rank(), 8);
  EXPECT_THAT(message_of([] {
                GraphShape({kN, 1, 1, 1, 1, 1, 1, 1, 1});
              }),
              HasSubstr("at most 8 are supported"));
}

TEST(GraphShape, DoesNotResolveToANegativeBatch) {
  EXPECT_THAT(message_of([] {
                static_cast<void>(GraphShape({kN, 3}).resolve(-1));
              }),
              HasSubstr("dimensions must be at least 0"));
}

}  // namespace
}  // namespace equipoise
