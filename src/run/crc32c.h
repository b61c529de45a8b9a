#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace equipoise::run {

/// CRC-32C (Castagnoli), of bytes that follow those of which `before` is the CRC; 0 at first.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0);

}  // namespace equipoise::run
