#include "base/aligned_buffer.h"

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace equipoise::testing {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

std::uintptr_t address(const AlignedBuffer& buffer) {
  return reinterpret_cast<std::uintptr_t>(buffer.data());
}

/// The flags of the mapping in which an address lies, as Linux lists them: " rd wr … hg".
std::string flags_of(std::uintptr_t address) {
  std::ifstream maps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    unsigned long first = 0;
    unsigned long last = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &first, &last) == 2) {
      inside = first <= address && address < last;
    } else if (inside && line.starts_with("VmFlags:")) {
      return line;
    }
  }
  return {};
}

TEST(AlignedBuffer, BeginsAtAVectorAndALargeOneAtAHugePage) {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{1000}, kHugePage - 64}) {
    EXPECT_EQ(address(AlignedBuffer(bytes)) % 64, 0U) << bytes;
    EXPECT_GE(AlignedBuffer(bytes).size(), bytes);
  }
  for (const std::size_t bytes : {kHugePage, 3 * kHugePage + 1}) {
    EXPECT_EQ(address(AlignedBuffer(bytes)) % kHugePage, 0U) << bytes;
    EXPECT_GE(AlignedBuffer(bytes).size(), bytes);
  }
}

TEST(AlignedBuffer, AsksForHugePages) {
  if (!std::filesystem::exists("/sys/kernel/mm/transparent_hugepage/enabled")) {
    GTEST_SKIP() << "this system has no huge pages to ask for";
  }
  const AlignedBuffer buffer(3 * kHugePage);
  for (std::size_t offset = 0; offset < buffer.size(); offset += kHugePage) {
    EXPECT_NE(flags_of(address(buffer) + offset).find(" hg"), std::string::npos) << offset;
  }
}

TEST(AlignedBuffer, KeepsItsMemoryWhereItIsLargeEnough) {
  AlignedBuffer buffer(kHugePage);
  const std::byte* const before = buffer.data();
  buffer.reserve(1000);
  EXPECT_EQ(buffer.data(), before);
  buffer.reserve(kHugePage + 1);
  EXPECT_GE(buffer.size(), kHugePage + 1);
}

}  // namespace
}  // namespace equipoise::testing
