#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "equipoise/communicator.h"

namespace equipoise::engine {

/// The ranks of a training step: they exchange what normalizations synchronize, decide alike, and
/// none waits for one that has failed. Wherever they meet, each first says whether it is well, at
/// the price of one more number.
class Ranks final : public Communicator {
 public:
  explicit Ranks(Communicator& communicator) : communicator_(communicator) {}

  int rank() const override { return communicator_.rank(); }
  int size() const override { return communicator_.size(); }

  /// Throws Error if another rank has failed.
  void all_gather(std::span<const double> local, std::span<double> all) override;

  void begin_step();

  /// What every rank objects to, with its number; empty if none does. The same on all of them.
  /// Throws Error if another rank has failed.
  std::string agree(std::string_view objection);

  /// Tells the others, where they meet next, that this rank's step has ended. Not if theirs have
  /// too, or nobody can be told.
  void fail(std::string_view why) noexcept;

  /// What other ranks have failed of; empty if none has.
  const std::string& failure() const { return failure_; }

 private:
  enum class Word : std::uint8_t { kObjects, kFails };

  std::string meet(Word word, std::string_view text);
  void gather(std::span<const double> local, std::span<double> all);

  Communicator& communicator_;
  std::vector<double> lengths_;
  std::string failure_;
  bool is_broken_ = false;
};

}  // namespace equipoise::engine
