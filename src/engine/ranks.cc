#include "engine/ranks.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <exception>

#include <fmt/format.h>

#include "equipoise/error.h"

namespace equipoise::engine {

void Ranks::begin_step() {
  failure_.clear();
  is_broken_ = false;
}

void Ranks::gather(std::span<const double> local, std::span<double> all) {
  try {
    communicator_.all_gather(local, all);
  } catch (...) {
    is_broken_ = true;
    throw;
  }
}

/// Says a word to all ranks, and returns what they object to. That of a rank which is well is
/// empty.
std::string Ranks::meet(Word word, std::string_view text) {
  const auto ranks = static_cast<std::size_t>(size());
  const auto own = static_cast<double>(text.size());
  lengths_.resize(ranks);
  // Lengths of the texts, below zero of ranks that fail: all that is exchanged while all are well.
  const double said = word == Word::kFails ? -own : own;
  gather({&said, 1}, lengths_);
  const auto length = [&](std::size_t rank) {
    return static_cast<std::size_t>(std::abs(lengths_[rank]));
  };
  std::size_t longest = 0;
  for (std::size_t rank = 0; rank < ranks; ++rank) longest = std::max(longest, length(rank));
  if (longest == 0) return {};

  std::vector<double> local(longest);
  std::vector<double> all(longest * ranks);
  std::ranges::transform(text, local.begin(),
                         [](char c) { return static_cast<double>(static_cast<unsigned char>(c)); });
  gather(local, all);
  std::string objections;
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    const bool fails = lengths_[rank] < 0;
    if (length(rank) == 0 || (fails && static_cast<int>(rank) == this->rank())) continue;
    std::string& to = fails ? failure_ : objections;
    to += fmt::format("{}rank {}: ", to.empty() ? "" : "; ", rank);
    for (std::size_t i = 0; i < length(rank); ++i) {
      to += static_cast<char>(static_cast<unsigned char>(all[rank * longest + i]));
    }
  }
  return objections;
}

void Ranks::all_gather(std::span<const double> local, std::span<double> all) {
  agree({});
  gather(local, all);
}

std::string Ranks::agree(std::string_view objection) {
  std::string objections = meet(Word::kObjects, objection);
  if (!failure_.empty()) throw Error(failure_);
  return objections;
}

void Ranks::fail(std::string_view why) noexcept {
  if (is_broken_ || !failure_.empty()) return;
  try {
    meet(Word::kFails, why.empty() ? "an error without a text" : why);
  } catch (const std::exception&) {
    is_broken_ = true;
  }
}

}  // namespace equipoise::engine
