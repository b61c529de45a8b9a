#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "engine/format.h"
#include "equipoise/session.h"

namespace equipoise {
namespace engine {

/// Which state, and how often it may have been written to.
struct StateVersion {
  std::uint64_t state = 0;
  std::uint64_t writes = 0;

  bool operator==(const StateVersion&) const = default;
};

/// Computed from the state, and kept with it: weights with a normalization folded in, or in the
/// format of a convolution.
struct PreparedTensor {
  Format format = {};
  AlignedBuffer memory = {};
  StateVersion from = {};
};

}  // namespace engine

struct State::Parts {
  /// Lives row-major, or as plans want it; whoever asks for its values gets them row-major.
  struct Entry {
    std::string name;
    Shape shape;
    /// Row-major: its own memory, or a part of `running`. Empty while the other form is all there
    /// is.
    AlignedBuffer buffer;
    RunningStatistics* running = nullptr;
    std::variant<std::span<float>, std::span<std::int64_t>> values;

    engine::Format format = {};
    AlignedBuffer in_format = {};
    /// Which of the two holds the values; both may.
    bool row_major_is_current = true;
    bool in_format_is_current = false;
    /// Somebody may still look there: it is not given back.
    bool handed_out = false;

    /// The values row-major; they may be written to if `to_write`.
    std::span<float> row_major(bool to_write);
    /// The values in a format of a convolution's weights.
    float* as(const engine::Format& wanted, bool to_write);

    /// The same for somebody outside, who may keep the address. Nothing for values that are not
    /// f32.
    std::span<float> hand_out(bool to_write);

    /// What it takes besides what it has, to hold the values in a format too, of so many bytes.
    std::size_t bytes_to_hold_as(const engine::Format& wanted, std::size_t bytes) const;

    void allocate_row_major();
  };

  /// No other state of this process has it.
  std::uint64_t id = next_id();
  /// Grows whenever values may change, but for running statistics, which count themselves.
  std::uint64_t writes = 1;
  /// By how they are computed.
  std::multimap<std::string, std::shared_ptr<engine::PreparedTensor>, std::less<>> prepared;
  std::uint64_t seed = 0;
  std::vector<std::unique_ptr<Entry>> entries;
  std::map<std::string, Entry*, std::less<>> by_name;
  std::vector<std::unique_ptr<RunningStatistics>> running;

  Entry& entry(std::string_view name) const;
  Entry& f32_entry(std::string_view name) const;
  void add(std::unique_ptr<Entry> entry);

  engine::StateVersion version() const;
  /// The one that is computed so and lies so, or null.
  std::shared_ptr<engine::PreparedTensor> find_prepared(std::string_view how,
                                                        const engine::Format& format) const;
  /// The same; made if there is none yet, in place of those that no
  /// plan uses any longer.
  std::shared_ptr<engine::PreparedTensor> prepared_tensor(std::string_view how,
                                                          const engine::Format& format,
                                                          std::size_t bytes);

 private:
  static std::uint64_t next_id();
};

}  // namespace equipoise
