#include "norm/rotated_sets.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <utility>

#include "base/aligned_buffer.h"
#include "base/cache.h"
#include "equipoise/error.h"

namespace equipoise::bench {
namespace {

constexpr std::size_t kMaxSets = 256;
// Between tensors: a page and five lines, so that no two start at the same offset within a page.
constexpr std::size_t kGap = 4096 + 5 * 64;

std::size_t slot_bytes(std::size_t bytes) { return (bytes + 63) / 64 * 64 + kGap; }

template <class Element>
void fill(void* to, std::size_t count, unsigned seed) {
  // One block of random numbers, repeated: statistics do not care, and filling takes no time.
  constexpr std::size_t kBlock = std::size_t{1} << 18U;
  std::vector<Element> block(std::min(count, kBlock));
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.5F, 1.0F);
  for (Element& e : block) e = Element(normal(random));
  auto* elements = static_cast<Element*>(to);
  const auto blocks = static_cast<std::int64_t>((count + kBlock - 1) / kBlock);
#pragma omp parallel for schedule(static)
  for (std::int64_t i = 0; i < blocks; ++i) {
    const std::size_t start = static_cast<std::size_t>(i) * kBlock;
    std::copy_n(block.data(), std::min(kBlock, count - start), elements + start);
  }
}

template <class Element>
void clear_padding(void* data, const Shape& shape, std::int64_t block) {
  auto* elements = static_cast<Element*>(data);
  const std::int64_t used = shape.channels() % block;
  if (used == 0) return;
  const std::int64_t positions = shape.positions();
  const std::int64_t blocks = (shape.channels() + block - 1) / block;
  for (std::int64_t n = 0; n < shape.samples(); ++n) {
    for (std::int64_t s = 0; s < positions; ++s) {
      Element* vector = elements + (((n + 1) * blocks - 1) * positions + s) * block;
      std::fill(vector + used, vector + block, Element(0.0F));
    }
  }
}

}  // namespace

RotatedSets::RotatedSets(const Shape& shape, std::span<const Variant> variants) {
  const Layout layout = variants.front().layout;
  elements_ = static_cast<std::size_t>(storage_elements(shape, layout));
  bool has_bf16 = false;
  for (const Variant& v : variants) {
    has_bf16 |= v.dtype == DType::kBF16;
    if (static_cast<std::size_t>(storage_elements(shape, v.layout)) != elements_) {
      throw Error("layouts with different padding are measured as different cases");
    }
  }

  const std::size_t smallest = elements_ * size_of(has_bf16 ? DType::kBF16 : DType::kF32);
  const auto cache = static_cast<std::size_t>(cache_sizes().last_level);
  const std::size_t sets =
      std::clamp((4 * cache + 2 * smallest - 1) / (2 * smallest), std::size_t{2}, kMaxSets);
  const std::size_t f32_slot = slot_bytes(elements_ * 4);
  const std::size_t bf16_slot = has_bf16 ? slot_bytes(elements_ * 2) : 0;

  static AlignedBuffer memory;
  const std::size_t bytes = sets * (4 * f32_slot + 2 * bf16_slot);
  if (bytes > memory.size()) {
    memory = AlignedBuffer();  // before the larger one is taken
    memory.reserve(bytes);
  }

  std::byte* next = memory.data();
  const auto take = [&next](std::size_t slot) { return std::exchange(next, next + slot); };
  const std::int64_t block = layout == Layout::kBlocked8    ? 8
                             : layout == Layout::kBlocked16 ? 16
                                                            : 1;
  for (std::size_t i = 0; i < sets; ++i) {
    const auto seed = static_cast<unsigned>(i);
    Tensors t{.x = take(f32_slot), .dy = take(f32_slot), .y = take(f32_slot), .dx = take(f32_slot)};
    for (void* input : {t.x, t.dy}) {
      fill<float>(input, elements_, input == t.x ? seed : ~seed);
      clear_padding<float>(input, shape, block);
    }
    for (void* output : {t.y, t.dx}) fill<float>(output, elements_, 0);
    f32_.push_back(t);
    if (!has_bf16) continue;
    t.x = take(bf16_slot);
    t.dy = take(bf16_slot);
    for (void* input : {t.x, t.dy}) {
      fill<BFloat16>(input, elements_, input == t.x ? seed : ~seed);
      clear_padding<BFloat16>(input, shape, block);
    }
    bf16_.push_back(t);
  }
}

std::size_t RotatedSets::sets_per_measurement(DType dtype) const {
  const auto cache = static_cast<std::size_t>(cache_sizes().last_level);
  return std::clamp(cache / (2 * tensor_bytes(dtype)), std::size_t{1},
                    std::max(size() / 4, std::size_t{1}));
}

}  // namespace equipoise::bench
