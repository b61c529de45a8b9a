#pragma once

/// The folder of a run: what a training leaves behind, and what it goes on from.
///
///     RUN/config.toml                                what it was started with
///     RUN/beginning.onnx                             the model file that it began with
///     RUN/plan.json                                  the times by which it is planned, if by any
///     RUN/metrics.jsonl                              what it measured, a line each
///     RUN/events.out.tfevents.*                      the same for TensorBoard
///     RUN/checkpoints/step-00001200.safetensors      all that goes on from there
///
/// A file is there as a whole or not at all, whenever the process or the machine stops
/// (docs/training.md).

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "equipoise/export.h"
#include "equipoise/tensor.h"

namespace equipoise {

/// Writes a file in place of what is there: to a temporary one beside it, which is flushed to the
/// disk and renamed. Throws Error, with the path and the reason, and leaves what was there, for a
/// full disk, a folder that is missing or may not be written to. Thread-safe for different paths.
EQUIPOISE_API void write_atomically(const std::filesystem::path& path, std::string_view bytes);

/// CRC-32C (Castagnoli) of bytes that follow those of which `before` is the CRC; 0 at first.
[[nodiscard]] EQUIPOISE_API std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

/// A setting of a configuration file: a value, or a list of them.
struct Setting {
  std::string key;
  std::vector<std::string> values;
  /// In its file, from 1; 0: it comes from elsewhere.
  int line = 0;
};

/// Reads `key = value` a line, in TOML's form without its tables and dates: "text" or 'text' on one
/// line, decimal numbers (given back without a + before them and a _ between digits), true and
/// false, lists of these in [ ] over any number of lines, comments from # on; UTF-8, with or
/// without a byte order mark. Throws Error, with `where` and the line, for anything else and a key
/// that comes twice.
[[nodiscard]] EQUIPOISE_API std::vector<Setting> parse_settings(std::string_view text,
                                                                std::string_view where);

/// Throws Error, with `where`, the line and the nearest keys, for a setting whose key is none of
/// these.
EQUIPOISE_API void check_keys(std::span<const Setting> settings,
                              std::span<const std::string_view> keys, std::string_view where);

/// The line of a setting, which `parse_settings` reads as it was.
[[nodiscard]] EQUIPOISE_API std::string to_text(const Setting& setting);

/// What was measured at one step; a line of metrics.jsonl.
struct Metric {
  /// Steps that were made.
  std::int64_t step = 0;
  /// Epochs that were made, with their fraction.
  double epoch = 0;
  /// "training": means over the steps since the line before; "validation": over all of that set;
  /// "validation_ema": the same with averaged parameters, and statistics recomputed for them;
  /// "refused": of one step that changed nothing, and is in no mean.
  std::string split;
  double loss = 0;
  /// From 0 to 1.
  double accuracy = 0;
  /// The learning rate of the last step.
  double rate = 0;
  /// Seconds of training, those before it was resumed included.
  double time = 0;
  /// Of "refused": why, and what was not finite first (StepResult).
  std::string refusal = {};
  std::string first_non_finite = {};

  bool operator==(const Metric&) const = default;
};

/// Reads the lines of a metrics.jsonl. A last line that is cut off is left out. Throws Error, with
/// file and line, for what is no metric, and a file that cannot be read.
[[nodiscard]] EQUIPOISE_API std::vector<Metric> read_metrics(const std::filesystem::path& path);

/// A tensor for a checkpoint; the values are somebody else's.
struct CheckpointView {
  std::string name;
  Shape shape;
  std::variant<std::span<const float>, std::span<const std::int64_t>> values;
};

/// A tensor of a checkpoint.
struct CheckpointTensor {
  std::string name;
  Shape shape;
  std::variant<std::vector<float>, std::vector<std::int64_t>> values;
};

/// What a training goes on from.
struct Checkpoint {
  std::int64_t step = 0;
  std::vector<CheckpointTensor> tensors;
  /// What is no tensor: position, configuration, …
  std::map<std::string, std::string> facts;
  /// Where it was read.
  std::filesystem::path path = {};
};

/// Reads one file of `checkpoints/`. Throws Error for one that cannot be read, is cut off or
/// altered (its checksum, CRC-32C, is over all of its bytes).
[[nodiscard]] EQUIPOISE_API Checkpoint read_checkpoint(const std::filesystem::path& path);

/// What a run can go on from.
struct NewestCheckpoint {
  /// Nothing if there is no file of one.
  std::optional<Checkpoint> checkpoint;
  /// Why those that are newer were passed over.
  std::vector<std::string> refused;
};

struct RunFolderOptions {
  /// How many of the newest checkpoints are kept, ≥ 1; the best one is kept besides.
  int keep = 3;
};

/// The folder of one run, opened to be written to; nobody else can open it at the same time.
///
/// Thread safety: one thread at a time.
class EQUIPOISE_API RunFolder {
 public:
  /// Makes the folder. Throws Error if it cannot be made or written to, is in use, or is there
  /// already, unless it has nothing in it but what a run leaves that was stopped before its
  /// config.toml, which is removed.
  static RunFolder create(const std::filesystem::path& path, const RunFolderOptions& options = {});
  /// Opens one that is there. Throws Error if it is none, or in use by another process. Temporary
  /// files of a process that was stopped are removed.
  static RunFolder open(const std::filesystem::path& path, const RunFolderOptions& options = {});
  ~RunFolder();
  RunFolder(RunFolder&&) noexcept;
  RunFolder& operator=(RunFolder&&) noexcept;

  const std::filesystem::path& path() const;

  /// Writes a file of the folder, as `write_atomically`.
  void write(std::string_view name, std::string_view bytes) const;

  /// Appends a line to metrics.jsonl and its values to the event file. Throws Error if it cannot be
  /// written.
  void append(const Metric& metric);

  /// Writes `checkpoints/step-<step>.safetensors`, and, once that is on the disk, removes those
  /// that are neither the best nor among the newest. The best is the one with the highest score, of
  /// equal ones the last; without scores, none is. Throws Error as
  /// `write_atomically`, and for a `facts` with a key of ours ("step", "score", "checksum").
  void save(std::int64_t step, std::span<const CheckpointView> tensors,
            const std::map<std::string, std::string>& facts, std::optional<double> score);

  /// The newest checkpoint that can be read. Throws Error, with each file's reason, if there are
  /// some but none can be read.
  [[nodiscard]] NewestCheckpoint newest() const;
  /// That with the highest score, of those that can be read; nothing if none has one.
  [[nodiscard]] std::optional<Checkpoint> best() const;

  /// Goes back to what was when a step was saved: metrics and events of later ones and behind the
  /// first `lines` (those that there were) are removed, newer checkpoints renamed to "….set-aside".
  /// Returns the metrics that are left. REQUIRES: lines ≥ 0
  std::vector<Metric> rewind(std::int64_t step, std::int64_t lines);

 private:
  struct Parts;
  explicit RunFolder(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace equipoise
