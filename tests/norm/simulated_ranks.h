#pragma once

#include <algorithm>
#include <barrier>
#include <cstddef>
#include <exception>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "equipoise/communicator.h"

namespace equipoise::testing {

/// Ranks as threads of one process that gather through shared memory.
class SimulatedRanks {
 public:
  explicit SimulatedRanks(int size) : size_(size), local_(std::size_t(size)), barrier_(size) {}

  /// Calls work(rank, communicator) on every rank at once; rethrows what the first rank that failed
  /// threw. A rank that throws leaves, so that the others do not wait for it.
  template <class Work>
  void run(const Work& work) {
    std::vector<std::exception_ptr> errors(static_cast<std::size_t>(size_));
    std::vector<std::thread> threads;
    for (int rank = 0; rank < size_; ++rank) {
      threads.emplace_back([&, rank] {
        Rank communicator(*this, rank);
        try {
          work(rank, communicator);
        } catch (...) {
          errors[static_cast<std::size_t>(rank)] = std::current_exception();
          local_[static_cast<std::size_t>(rank)] = {};
          barrier_.arrive_and_drop();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::exception_ptr& error : errors) {
      if (error) std::rethrow_exception(error);
    }
  }

 private:
  class Rank : public Communicator {
   public:
    Rank(SimulatedRanks& ranks, int rank) : ranks_(ranks), rank_(rank) {}

    int rank() const override { return rank_; }
    int size() const override { return ranks_.size_; }

    void all_gather(std::span<const double> local, std::span<double> all) override {
      ranks_.local_[static_cast<std::size_t>(rank_)] = local;
      ranks_.barrier_.arrive_and_wait();
      std::size_t end = 0;
      bool same_sizes = all.size() == local.size() * static_cast<std::size_t>(size());
      for (const std::span<const double>& part : ranks_.local_) {
        same_sizes = same_sizes && part.size() == local.size();
        if (same_sizes) std::ranges::copy(part, all.begin() + static_cast<std::ptrdiff_t>(end));
        end += part.size();
      }
      ranks_.barrier_.arrive_and_wait();
      if (!same_sizes) throw std::logic_error("all_gather of different sizes");
    }

   private:
    SimulatedRanks& ranks_;
    int rank_;
  };

  int size_;
  std::vector<std::span<const double>> local_;
  std::barrier<> barrier_;
};

}  // namespace equipoise::testing
