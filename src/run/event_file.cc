#include "run/event_file.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>

#include "run/crc32c.h"

namespace equipoise::run {
namespace {

constexpr std::string_view kPrefix = "events.out.tfevents.";
constexpr std::string_view kSuffix = ".equipoise";

// Wire types of protocol buffers.
constexpr int kVarint = 0;
constexpr int kFixed64 = 1;
constexpr int kLength = 2;
constexpr int kFixed32 = 5;

template <class Unsigned>
std::string little_endian(Unsigned value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof(value); ++i) {
    bytes += static_cast<char>(value >> (8 * i) & 0xFFU);
  }
  return bytes;
}

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7U) bytes += static_cast<char>((value & 0x7FU) | 0x80U);
  return bytes + static_cast<char>(value);
}

std::string key(int field, int wire_type) {
  return varint(static_cast<std::uint64_t>(field) << 3U | static_cast<std::uint64_t>(wire_type));
}

std::string message(int field, std::string_view bytes) {
  return key(field, kLength) + varint(bytes.size()) + std::string(bytes);
}

/// tensorflow.Event's fields wall_time and step.
std::string event(double unix_seconds, std::int64_t step) {
  return key(1, kFixed64) + little_endian(std::bit_cast<std::uint64_t>(unix_seconds)) +
         key(2, kVarint) + varint(static_cast<std::uint64_t>(step));
}

/// tensorflow.Summary.Value with its fields tag and simple_value.
std::string scalar(std::string_view tag, double value) {
  return message(1, message(1, tag) + key(2, kFixed32) +
                        little_endian(std::bit_cast<std::uint32_t>(static_cast<float>(value))));
}

std::uint32_t masked_crc(std::string_view bytes) {
  const std::uint32_t crc = crc32c(std::as_bytes(std::span(bytes)));
  return std::rotr(crc, 15) + 0xA282EAD8U;
}

/// A record around these bytes.
std::string record(std::string_view bytes) {
  const std::string length = little_endian(std::uint64_t{bytes.size()});
  return length + little_endian(masked_crc(length)) + std::string(bytes) +
         little_endian(masked_crc(bytes));
}

}  // namespace

EventFile::EventFile(const std::filesystem::path& folder, double unix_seconds)
    : file_(folder / fmt::format("{}{:.0f}{}", kPrefix, unix_seconds, kSuffix),
            O_WRONLY | O_CREAT | O_TRUNC) {
  file_.write(record(event(unix_seconds, 0) + message(3, "brain.Event:2")));
}

void EventFile::append(const Metric& metric, double unix_seconds) const {
  std::string summary;
  const auto add = [&summary](const std::string& tag, double value) {
    if (std::isfinite(value)) summary += scalar(tag, value);
  };
  add("loss/" + metric.split, metric.loss);
  add("accuracy/" + metric.split, metric.accuracy);
  if (metric.split == "training") add("learning_rate", metric.rate);
  if (summary.empty()) return;
  file_.write(record(event(unix_seconds, metric.step) + message(5, summary)));
}

bool is_event_file(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  return name.starts_with(kPrefix) && name.ends_with(kSuffix);
}

}  // namespace equipoise::run
