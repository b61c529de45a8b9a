#pragma once

#include <cstdint>
#include <span>

#include "base/round_up.h"
#include "equipoise/tensor.h"
#include "norm/record.h"
#include "norm/workspace.h"

namespace equipoise::norm {

/// A tensor as rows that each have statistics of their own, in chunks that are worked on at a time.
/// Where the elements of a row do not follow each other in memory, chunks are copied to and fro in
/// the cache.
struct RowChunks {
  std::int64_t rows = 0;
  std::int64_t length = 0;
  std::int64_t groups = 1;         ///< of a row
  std::int64_t per_parameter = 1;  ///< consecutive elements that share γ and β
  std::int64_t run = 1;            ///< the same if it is long enough to be told the kernels, or 1
  std::int64_t chunk_rows = 1;
  std::int64_t chunks = 0;

  explicit RowChunks(const NormRecord::State& state);

  std::int64_t padded_length() const { return round_up(length, 16); }
  std::int64_t bits_stride() const { return padded_length() / 8; }
  /// Whether rows are so few and so long that threads had better share each of them.
  bool in_strips() const;
  struct Chunk {
    std::int64_t first, rows;
  };
  Chunk at(std::int64_t i) const;
  bool copied() const { return copied_; }
  std::int64_t chunk_elements() const { return chunk_rows * length; }

  /// Copies a chunk's rows out of a tensor, or into it. Padding of the tensor is not touched.
  void gather(const Chunk& chunk, const ConstTensorView& tensor, void* rows_out) const;
  void scatter(const Chunk& chunk, const void* rows_in, const TensorView& tensor) const;

  /// A parameter per element of a row, 16 more readable, or per run; `otherwise` where it is
  /// absent.
  std::span<const float> expanded(std::span<const float> parameter, float otherwise,
                                  Workspace::Arena& arena) const;

 private:
  // Calls copy(offset in the tensor, offset in the rows) for each element of a chunk.
  template <class Copy>
  void for_chunk(const Chunk& chunk, Copy&& copy) const;
  template <class T>
  void gather_as(const Chunk& chunk, const void* tensor, void* rows_out) const;
  template <class T>
  void scatter_as(const Chunk& chunk, const void* rows_in, void* tensor) const;

  bool copied_ = false;
  bool over_channels_ = false;  // rows are positions
  Shape shape_;
  Layout layout_;
};

}  // namespace equipoise::norm
