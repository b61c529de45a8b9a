#pragma once

#include <span>

#include "equipoise/export.h"

namespace equipoise {

/// What a group of ranks that train together owes to normalization. Every rank makes the same calls
/// in the same order; a call returns when its result is there. Implementations need not be usable
/// from several threads at once.
///
/// Batch normalization of C channels gathers 3C + 2 values in a forward and 2C in a backward, on
/// the thread that called it. So the ranks have to agree on C, the statistics and whether moments
/// are collected; their batches may differ.
///
/// A rank that throws before an exchange, say for an argument that does not fit, makes one call
/// fewer than the others, and they wait for it in `all_gather`. (Not in Session's training, where a
/// rank that fails tells the others.) So a rank that gives up has to say so: catch what it throws,
/// and end the group, as MPI_Abort does, or make the `all_gather` of the others throw, by a time
/// limit or a word from the rank that left.
class EQUIPOISE_API Communicator {
 public:
  Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  virtual ~Communicator() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;

  /// Puts the `local` values of rank r at `all[r·local.size()]`, for every r. `all` holds
  /// size()·local.size() values. Gathering instead of summing lets every rank merge in the order of
  /// ranks, so that all get the same bits.
  virtual void all_gather(std::span<const double> local, std::span<double> all) = 0;
};

}  // namespace equipoise
