#pragma once

#include <cstddef>

namespace equipoise::bench {

/// What memory allows: the loops that a normalization is measured against, best instruction set of
/// the machine, each thread its share of the bytes. REQUIRES: pointers 64-byte aligned.

/// Copies with streaming stores, which do not read what they overwrite.
void stream_copy(const void* from, void* to, std::size_t bytes, int threads);
/// memcpy, each thread its share.
void plain_copy(const void* from, void* to, std::size_t bytes, int threads);
/// Writes zeros with streaming stores.
void stream_fill(void* to, std::size_t bytes, int threads);
/// Reads and adds up f32 values.
float read_sum(const void* from, std::size_t bytes, int threads);

}  // namespace equipoise::bench
