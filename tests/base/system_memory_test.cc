#include "base/system_memory.h"

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "base/temporary_folder.h"

namespace equipoise {
namespace {

constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

class ControlGroups : public testing::TemporaryFolder {
 protected:
  // `used`: what is not given up.
  void group(const std::filesystem::path& path, const std::string& limit, std::size_t used) {
    const std::filesystem::path folder = folder_ / path;
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "memory.max") << limit << '\n';
    std::ofstream(folder / "memory.stat") << "file 700\nshmem 100\nanon " << used - 150
                                          << "\nslab_reclaimable 5\nslab_unreclaimable 50\n";
  }

  std::size_t left(const char* path) const { return left_by_control_groups(folder_, path); }
};

TEST_F(ControlGroups, TheTightestOfAllLimitsHolds) {
  EXPECT_EQ(left("/"), kNoLimit);
  group("jobs", "10000", 4000);
  group("jobs/17", "5000", 1000);
  group("jobs/18", "max", 1000);
  EXPECT_EQ(left("/jobs/17"), 4000U);
  EXPECT_EQ(left("/jobs/18"), 6000U);
  EXPECT_EQ(left("/jobs"), 6000U);
  EXPECT_EQ(left("/elsewhere"), kNoLimit);
}

TEST_F(ControlGroups, OfAContainerIsTheOutermost) {
  group("", "3000", 1000);
  EXPECT_EQ(left("/"), 2000U);
  EXPECT_EQ(left("/anything"), 2000U);
}

TEST_F(ControlGroups, NothingIsLeftBeyondTheLimit) {
  group("full", "3000", 3001);
  EXPECT_EQ(left("/full"), 0U);
}

TEST(AvailableMemory, IsLessThanTheMachineCanAddress) {
  EXPECT_GT(available_memory(), std::size_t{1} << 20U);
  EXPECT_LT(available_memory(), std::size_t{1} << 50U);
}

}  // namespace
}  // namespace equipoise
