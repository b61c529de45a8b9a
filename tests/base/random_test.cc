#include "base/random.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace equipoise {
namespace {

/// The known answers for "philox4x32 10" that Random123 is published with (Salmon et al. 2011).
TEST(Philox, GivesThePublishedAnswers) {
  EXPECT_EQ(philox(0, PhiloxWords{}),
            (PhiloxWords{0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8}));
  EXPECT_EQ(philox(0xFFFFFFFFFFFFFFFF, PhiloxWords{0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}),
            (PhiloxWords{0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD}));
  EXPECT_EQ(philox(0x299F31D0A4093822, PhiloxWords{0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344}),
            (PhiloxWords{0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1}));
}

TEST(Philox, CountsInTheLowerWords) {
  EXPECT_EQ(philox(7, std::uint64_t{0x0000000200000001}), philox(7, PhiloxWords{1, 2, 0, 0}));
}

TEST(Uniform, IsInItsRangeWithBothEnds) {
  EXPECT_EQ(uniform(0U), 0.0F);
  EXPECT_EQ(uniform(0xFFFFFFFFU), 1 - 0x1p-24F);
  EXPECT_LT(uniform(0xFFFFFFFFU), 1.0F);
}

TEST(Uniform, TakesTheWordsInOrder) {
  constexpr std::uint64_t kKey = name_key("dropout1");
  for (std::uint64_t i = 0; i < 12; ++i) {
    EXPECT_EQ(uniform(kKey, i), uniform(philox(kKey, i / 4)[i % 4])) << i;
  }
}

/// χ² over 64 bins has mean 63 and deviation √126 ≈ 11.2; the draws are fixed, so this never
/// varies.
TEST(Uniform, FillsItsRangeEvenly) {
  constexpr int kBins = 64;
  constexpr int kDraws = 64000;
  for (const std::string_view name : {"a", "layer1.0.conv1.weight"}) {
    std::array<int, kBins> counts{};
    for (std::uint64_t i = 0; i < kDraws; ++i) {
      const float u = uniform(name_key(name), i);
      ++counts[static_cast<std::size_t>(u * kBins)];
    }
    constexpr double kExpected = static_cast<double>(kDraws) / kBins;
    double chi_squared = 0;
    for (const int count : counts)
      chi_squared += (count - kExpected) * (count - kExpected) / kExpected;
    EXPECT_GT(chi_squared, 63 - 4 * 11.2) << name;
    EXPECT_LT(chi_squared, 63 + 4 * 11.2) << name;
  }
}

TEST(NameKey, IsTheHashOfItsAuthors) {
  // FNV-1a of 64 bits, test vectors of Fowler, Noll and Vo.
  EXPECT_EQ(name_key(""), 0xCBF29CE484222325U);
  EXPECT_EQ(name_key("a"), 0xAF63DC4C8601EC8CU);
  EXPECT_EQ(name_key("foobar"), 0x85944171F73967E8U);
}

TEST(StepKey, DiffersByStepAndSeed) {
  std::vector<std::uint64_t> keys;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    for (std::uint64_t step = 0; step < 64; ++step) keys.push_back(step_key(seed, step));
  }
  std::ranges::sort(keys);
  EXPECT_EQ(std::ranges::adjacent_find(keys), keys.end());
}

}  // namespace
}  // namespace equipoise
