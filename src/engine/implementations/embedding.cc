/// Rows of a table, and their gradients.

#include "ops/embedding.h"

#include <algorithm>
#include <cstdint>

#include "base/parallel.h"
#include "engine/implementations/implementations.h"
#include "engine/implementations/planes.h"
#include "engine/implementations/rows.h"

namespace equipoise::engine {
namespace {

struct Lookup {
  Shape indices;
  std::int64_t count;  ///< of indices
  std::int64_t entries, features;
  int threads;

  /// Before anything is written.
  void check(const std::int32_t* values) const {
    for (std::int64_t i = 0; i < count; ++i) check_index(values[i], i, indices, entries);
  }
};

class Forward final : public Kernel {
 public:
  explicit Forward(const Lookup& lookup) : lookup_(lookup) {}

  void run(const Arguments& arguments) const override {
    const auto* const indices = arguments.input<std::int32_t>(Embedding::kIndices);
    const float* const table = arguments.input(Embedding::kTable);
    float* const y = arguments.output(0);
    lookup_.check(indices);
    const std::int64_t features = lookup_.features;
    parallel_for_chunks(lookup_.count, rows_per_task(features), lookup_.threads,
                        [&](std::int64_t first, std::int64_t last) {
                          for (std::int64_t i = first; i < last; ++i) {
                            std::copy_n(table + indices[i] * features, features, y + i * features);
                          }
                        });
  }

 private:
  Lookup lookup_;
};

class Gradient final : public Kernel {
 public:
  explicit Gradient(const Lookup& lookup) : lookup_(lookup) {}

  void run(const Arguments& arguments) const override {
    const auto* const indices = arguments.input<std::int32_t>(EmbeddingGradient::kIndices);
    const float* const dy = arguments.input(EmbeddingGradient::kDY);
    float* const dtable = arguments.output(0);
    lookup_.check(indices);
    const std::int64_t features = lookup_.features;
    parallel_for_chunks(lookup_.entries * features, kTile, lookup_.threads,
                        [&](std::int64_t first, std::int64_t last) {
                          std::fill(dtable + first, dtable + last, 0.0F);
                        });
    // A task has some columns of all rows, so that rows are added in their order.
    constexpr std::int64_t kColumns = 64;
    parallel_for_chunks(features, kColumns, lookup_.threads,
                        [&](std::int64_t first, std::int64_t last) {
                          for (std::int64_t i = 0; i < lookup_.count; ++i) {
                            float* entry = dtable + indices[i] * features;
                            for (std::int64_t d = first; d < last; ++d) {
                              entry[d] += dy[i * features + d];
                            }
                          }
                        });
  }

 private:
  Lookup lookup_;
};

Lookup lookup_in(const NodeContext& node, const Shape& table) {
  return {.indices = node.input(Embedding::kIndices),
          .count = node.input(Embedding::kIndices).element_count(),
          .entries = table[0],
          .features = table[1],
          .threads = node.threads};
}

}  // namespace

Answer embedding(const NodeContext& node) {
  return in_layout(node, {},
                   std::make_unique<Forward>(lookup_in(node, node.input(Embedding::kTable))));
}

Answer embedding_gradient(const NodeContext& node) {
  return in_layout(node, {}, std::make_unique<Gradient>(lookup_in(node, node.output(0))));
}

}  // namespace equipoise::engine
