#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "equipoise/run.h"

namespace equipoise::run {

/// The bytes of a checkpoint: a safetensors file of f32 and i64, with step, score and facts as
/// metadata, and as "checksum" the CRC-32C of the file in which that is 00000000.
std::vector<std::byte> write_checkpoint(std::int64_t step, std::span<const CheckpointView> tensors,
                                        const std::map<std::string, std::string>& facts,
                                        std::optional<double> score);

/// A checkpoint with its score.
struct ScoredCheckpoint {
  Checkpoint checkpoint;
  std::optional<double> score;
};

/// Throws Error, which names it `where`, for one that is cut off or altered.
ScoredCheckpoint parse_checkpoint(std::span<const std::byte> file, std::string_view where);

}  // namespace equipoise::run
