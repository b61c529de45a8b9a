#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "base/aligned_buffer.h"
#include "equipoise/norm.h"
#include "norm/record.h"

namespace equipoise {

/// Hands out memory until the next `reset`. Blocks never move; a reset replaces several by one that
/// holds it all, so that the same call again allocates nothing.
struct Workspace::Arena {
  void reset() noexcept;

  /// Uninitialized, aligned to 64 bytes.
  template <class T>
  std::span<T> take(std::int64_t count) {
    const auto n = static_cast<std::size_t>(count);
    return {static_cast<T*>(take_bytes(n * sizeof(T))), n};
  }

  /// Value-initialized; for types that need no destructor.
  template <class T>
  std::span<T> make(std::int64_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    const std::span<T> values = take<T>(count);
    std::uninitialized_value_construct(values.begin(), values.end());
    return values;
  }

  /// Gives back what was taken since the mark.
  struct Mark {
    std::size_t blocks, used;
  };
  Mark mark() const { return {blocks_.size(), used_}; }
  void release(Mark to) { used_ = blocks_.size() == to.blocks ? to.used : 0; }

  std::size_t capacity() const;

  /// For a forward whose caller wants no record.
  NormRecord::State spare_record;

 private:
  void* take_bytes(std::size_t bytes);

  std::vector<AlignedBuffer> blocks_;
  std::size_t used_ = 0;  // of the last block
};

}  // namespace equipoise
