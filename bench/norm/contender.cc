#include "norm/contender.h"

#include <chrono>
#include <iterator>
#include <utility>

namespace equipoise::bench {
namespace {

void append(std::vector<Contender>* all, std::vector<Contender> more) {
  all->insert(all->end(), std::make_move_iterator(more.begin()),
              std::make_move_iterator(more.end()));
}

// Threads that slept since the last measurement are up before the next: nobody pays for waking
// them.
void wake_threads(int threads) {
#pragma omp parallel num_threads(threads)
  {
#pragma omp barrier
  }
}

}  // namespace

std::vector<Contender> all_contenders(const NormCase& norm_case, std::span<const Variant> variants,
                                      const RotatedSets& sets, int threads) {
  std::vector<Contender> all;
  bool copied_f32 = false;
  bool copied_bf16 = false;
  for (const Variant& variant : variants) {
    append(&all, our_contenders(norm_case, variant, sets));
    append(&all, onednn_contenders(norm_case, variant, sets, threads));
    bool& copied = variant.dtype == DType::kF32 ? copied_f32 : copied_bf16;
    if (!std::exchange(copied, true)) append(&all, copy_contenders(variant.dtype, sets, threads));
  }
  for (const Contender& contender : all) {
    for (std::size_t set = 0; set < sets.size(); ++set) contender.run(set);
  }
  return all;
}

double measure(const Contender& contender, const RotatedSets& sets, int threads,
               std::size_t* cursor) {
  const std::size_t calls = sets.sets_per_measurement(contender.variant.dtype);
  wake_threads(threads);
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < calls; ++i) {
    contender.run(*cursor);
    *cursor = (*cursor + 1) % sets.size();
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  return elapsed.count() / static_cast<double>(calls);
}

}  // namespace equipoise::bench
