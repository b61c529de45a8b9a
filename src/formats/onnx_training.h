#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "equipoise/operations.h"
#include "ops/normalization.h"

namespace equipoise::formats {

/// What ONNX has no place for and further training needs: the entry kTrainingKey of a file's
/// metadata, a JSON document (docs/onnx.md).
class TrainingNotes {
 public:
  TrainingNotes();
  ~TrainingNotes();
  TrainingNotes(const TrainingNotes&) = delete;
  TrainingNotes& operator=(const TrainingNotes&) = delete;

  /// Throws Error, without the file's name, for a text that is not such a document.
  static std::unique_ptr<TrainingNotes> parse(const std::string& text);
  [[nodiscard]] std::string text() const;

  void freeze(std::string_view parameter);
  [[nodiscard]] bool is_frozen(std::string_view parameter) const;

  /// A buffer, as opposed to a parameter.
  void note_buffer(std::string_view name);
  [[nodiscard]] bool is_buffer(std::string_view name) const;

  /// ε as f64: files store f32.
  void note_epsilon(std::string_view node, double epsilon);
  /// The noted ε if it is the file's when rounded; else that of the file.
  [[nodiscard]] double epsilon(std::string_view node, float in_file) const;

  void note_batch_norm(std::string_view node, const NormAttributes& norm);
  /// Nothing if the file does not say how the node trains.
  [[nodiscard]] std::optional<ops::BatchNormNode> batch_norm(std::string_view node) const;
  /// Of batch normalization, whose inference does not read them.
  void note_position_weights(std::string_view node, std::string_view tensor);
  [[nodiscard]] std::string position_weights(std::string_view node) const;

  void note_dropout(std::string_view node, std::string_view kind, double probability);
  /// Of nodes that are one of this kind: "dropout" or "stochastic_depth".
  [[nodiscard]] std::optional<double> dropout(std::string_view node, std::string_view kind) const;

  void note_count(std::string_view name, std::int64_t batches);
  /// All num_batches_tracked.
  [[nodiscard]] std::map<std::string, std::int64_t> counts() const;

 private:
  struct Document;
  std::unique_ptr<Document> document_;
};

}  // namespace equipoise::formats
