#include "norm/tensor_buffer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace equipoise::testing {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kGuard = 512;  // more than the widest vector times what a kernel unrolls
constexpr std::byte kGuardByte{0xA5};

std::int64_t block_of(Layout layout) { return layout == Layout::kBlocked8 ? 8 : 16; }

bool is_blocked(Layout layout) {
  return layout == Layout::kBlocked8 || layout == Layout::kBlocked16;
}

}  // namespace

double rounded(double value, DType dtype) {
  const auto f32 = static_cast<float>(value);
  return dtype == DType::kF32 ? f32 : static_cast<float>(BFloat16(f32));
}

Array rounded(Array array, DType dtype) {
  for (double& value : array.values) value = rounded(value, dtype);
  return array;
}

TensorBuffer::TensorBuffer(const Shape& shape, Layout layout, DType dtype,
                           std::int64_t misalignment)
    : shape_(shape), layout_(layout), dtype_(dtype) {
  const auto offset = static_cast<std::size_t>(misalignment) * size_of(dtype);
  memory_.assign(size_in_bytes() + 2 * kGuard + kLine + offset, kGuardByte);
  const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
  begin_ = kGuard + (kLine - address % kLine) % kLine + offset;
  for (std::int64_t i = 0; i < storage_elements(shape, layout); ++i) {
    store(i, std::numeric_limits<double>::quiet_NaN());
  }
}

TensorBuffer::TensorBuffer(const Array& values, const Shape& shape, Layout layout, DType dtype,
                           std::int64_t misalignment)
    : TensorBuffer(shape, layout, dtype, misalignment) {
  for (std::int64_t n = 0; n < values.samples; ++n) {
    for (std::int64_t c = 0; c < values.channels; ++c) {
      for (std::int64_t s = 0; s < values.positions; ++s)
        store(offset_of(n, c, s), values(n, c, s));
    }
  }
}

TensorView TensorBuffer::view() { return {memory_.data() + begin_, shape_, layout_, dtype_}; }

ConstTensorView TensorBuffer::view() const {
  return {memory_.data() + begin_, shape_, layout_, dtype_};
}

Array TensorBuffer::unpack() const {
  Array values(shape_.samples(), shape_.channels(), shape_.positions());
  for (std::int64_t n = 0; n < values.samples; ++n) {
    for (std::int64_t c = 0; c < values.channels; ++c) {
      for (std::int64_t s = 0; s < values.positions; ++s)
        values(n, c, s) = load(offset_of(n, c, s));
    }
  }
  return values;
}

bool TensorBuffer::guards_intact() const {
  const auto is_guard = [](std::byte b) { return b == kGuardByte; };
  const auto begin = memory_.begin() + static_cast<std::ptrdiff_t>(begin_);
  const auto end = begin + static_cast<std::ptrdiff_t>(size_in_bytes());
  return std::all_of(memory_.begin(), begin, is_guard) && std::all_of(end, memory_.end(), is_guard);
}

bool TensorBuffer::padding_is_zero() const {
  if (!is_blocked(layout_)) return true;
  const std::int64_t block = block_of(layout_);
  const std::int64_t padded = (shape_.channels() + block - 1) / block * block;
  for (std::int64_t n = 0; n < shape_.samples(); ++n) {
    for (std::int64_t c = shape_.channels(); c < padded; ++c) {
      for (std::int64_t s = 0; s < shape_.positions(); ++s) {
        if (load(offset_of(n, c, s)) != 0) return false;
      }
    }
  }
  return true;
}

std::vector<std::byte> TensorBuffer::bytes() const {
  const auto begin = memory_.begin() + static_cast<std::ptrdiff_t>(begin_);
  return {begin, begin + static_cast<std::ptrdiff_t>(size_in_bytes())};
}

std::size_t TensorBuffer::size_in_bytes() const {
  return static_cast<std::size_t>(storage_elements(shape_, layout_)) * size_of(dtype_);
}

std::int64_t TensorBuffer::offset_of(std::int64_t n, std::int64_t c, std::int64_t s) const {
  const std::int64_t channels = shape_.channels();
  const std::int64_t positions = shape_.positions();
  switch (layout_) {
    case Layout::kChannelsFirst:  // [N][C][S]
      return (n * channels + c) * positions + s;
    case Layout::kChannelsLast:  // [N][S][C]
      return (n * positions + s) * channels + c;
    case Layout::kBlocked8:
    case Layout::kBlocked16: {  // [N][⌈C/block⌉][S][block]
      const std::int64_t block = block_of(layout_);
      const std::int64_t blocks = (channels + block - 1) / block;
      return ((n * blocks + c / block) * positions + s) * block + c % block;
    }
  }
  return 0;
}

double TensorBuffer::load(std::int64_t offset) const {
  const std::byte* at =
      memory_.data() + begin_ + static_cast<std::size_t>(offset) * size_of(dtype_);
  if (dtype_ == DType::kF32) {
    float value = 0;
    std::memcpy(&value, at, sizeof(value));
    return value;
  }
  BFloat16 value;
  std::memcpy(&value, at, sizeof(value));
  return static_cast<float>(value);
}

void TensorBuffer::store(std::int64_t offset, double value) {
  std::byte* at = memory_.data() + begin_ + static_cast<std::size_t>(offset) * size_of(dtype_);
  const auto f32 = static_cast<float>(value);
  if (dtype_ == DType::kF32) {
    std::memcpy(at, &f32, sizeof(f32));
    return;
  }
  const BFloat16 bf16(f32);
  std::memcpy(at, &bf16, sizeof(bf16));
}

}  // namespace equipoise::testing
