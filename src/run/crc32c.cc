#include "run/crc32c.h"

#include <array>
#include <cstring>

#include "equipoise/run.h"

namespace equipoise::run {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78U;  // reflected

using Table = std::array<std::uint32_t, 256>;

/// tables[k][b]: what byte b, with k bytes of 0 behind it, adds to the CRC. With eight of them,
/// eight bytes go at once.
constexpr std::array<Table, 8> make_tables() {
  std::array<Table, 8> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1U ^ ((crc & 1U) != 0 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < tables.size(); ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t crc = tables[k - 1][byte];
      tables[k][byte] = crc >> 8U ^ tables[0][crc & 0xFFU];
    }
  }
  return tables;
}

constexpr std::array<Table, 8> kTables = make_tables();

}  // namespace

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before) {
  std::uint32_t crc = ~before;
  while (bytes.size() >= 8) {
    std::array<std::uint8_t, 8> next{};
    std::memcpy(next.data(), bytes.data(), next.size());
    std::uint32_t merged = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      const std::uint32_t of_crc = i < 4 ? crc >> (8 * i) & 0xFFU : 0;
      merged ^= kTables[7 - i][next[i] ^ of_crc];
    }
    crc = merged;
    bytes = bytes.subspan(8);
  }
  for (const std::byte byte : bytes) {
    crc = crc >> 8U ^ kTables[0][(crc ^ static_cast<std::uint32_t>(byte)) & 0xFFU];
  }
  return ~crc;
}

}  // namespace equipoise::run

namespace equipoise {

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
  return run::crc32c(std::as_bytes(std::span(bytes)), before);
}

}  // namespace equipoise
