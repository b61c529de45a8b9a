#pragma once

#include <cstddef>
#include <utility>

namespace equipoise {

/// Uninitialized memory, aligned to 2 MiB (and asked to be huge pages) from 2 MiB on, to 64 bytes
/// below.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t bytes);
  ~AlignedBuffer();
  AlignedBuffer(AlignedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  std::byte* data() const { return static_cast<std::byte*>(data_); }
  std::size_t size() const { return size_; }

  /// Makes room for `bytes`; what was inside is lost if that takes a larger block.
  void reserve(std::size_t bytes) {
    if (bytes <= size_) return;
    *this = AlignedBuffer();  // both at once might be more than there is
    *this = AlignedBuffer(bytes);
  }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace equipoise
