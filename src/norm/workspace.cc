#include "norm/workspace.h"

#include <algorithm>
#include <new>

#include "base/round_up.h"

namespace equipoise {

void Workspace::Arena::reset() noexcept {
  if (blocks_.size() > 1) {
    const std::size_t total = capacity();
    blocks_.clear();
    try {
      blocks_.emplace_back(total);
    } catch (const std::bad_alloc&) {  // the next call takes blocks as it needs them
    }
  }
  used_ = 0;
}

std::size_t Workspace::Arena::capacity() const {
  std::size_t total = 0;
  for (const AlignedBuffer& block : blocks_) total += block.size();
  return total;
}

void* Workspace::Arena::take_bytes(std::size_t bytes) {
  bytes = round_up(bytes, 64);
  if (blocks_.empty() || used_ + bytes > blocks_.back().size()) {
    constexpr std::size_t kSmallestBlock = std::size_t{64} << 10;
    blocks_.emplace_back(std::max(bytes, kSmallestBlock));
    used_ = 0;
  }
  void* p = blocks_.back().data() + used_;
  used_ += bytes;
  return p;
}

Workspace::Workspace() : arena_(std::make_unique<Arena>()) {}
Workspace::~Workspace() = default;
Workspace::Workspace(Workspace&&) noexcept = default;
Workspace& Workspace::operator=(Workspace&&) noexcept = default;
std::size_t Workspace::capacity() const { return arena_->capacity(); }

}  // namespace equipoise
