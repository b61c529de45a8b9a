#pragma once

#include <span>

#include "equipoise/export.h"

namespace equipoise {

/// What a group of ranks that train together owes to normalization. Every rank makes the same calls
/// in the same order; a call returns when its result is there. Implementations need not be usable
/// from several threads at once.
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
