#include "run/crc32c.h"

#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "equipoise/run.h"

namespace equipoise::testing {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// RFC 3720, section B.4.
TEST(Crc32c, IsThatOfItsRfc) {
  EXPECT_EQ(run::crc32c(bytes_of("123456789")), 0xE3069283U);
  EXPECT_EQ(run::crc32c(std::vector<std::byte>(32, std::byte{0})), 0x8A9136AAU);
  EXPECT_EQ(run::crc32c(std::vector<std::byte>(32, std::byte{0xFF})), 0x62A8AB43U);
  EXPECT_EQ(run::crc32c({}), 0U);
}

TEST(Crc32c, GoesOnFromAnyByte) {
  const std::string_view text = "the quick brown fox jumps over the lazy dog";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const std::uint32_t first = run::crc32c(bytes_of(text.substr(0, cut)));
    EXPECT_EQ(run::crc32c(bytes_of(text.substr(cut)), first), run::crc32c(bytes_of(text))) << cut;
    EXPECT_EQ(crc32c(text.substr(cut), crc32c(text.substr(0, cut))), crc32c(text)) << cut;
  }
}

}  // namespace
}  // namespace equipoise::testing
