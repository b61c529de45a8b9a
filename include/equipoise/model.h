#pragma once

/// A classifier of images in a file: network, weights, preprocessing and labels.
///
///     Model model = Model::load("model.onnx");
///     const Prediction prediction = model.predict(read_image("cat.jpg"));
///     std::printf("%s\n", prediction.front().label.c_str());

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "equipoise/export.h"
#include "equipoise/graph.h"
#include "equipoise/image.h"
#include "equipoise/session.h"

namespace equipoise {

/// What a file says of a classifier besides its network; all of it may be missing in files of
/// others.
struct ModelInfo {
  std::optional<Preprocessing> preprocessing = std::nullopt;
  /// A name per class, or none at all.
  std::vector<std::string> labels = {};
};

struct ClassProbability {
  /// That of the model, or the number of the class.
  std::string label;
  std::int64_t number = 0;
  float probability = 0;
};

/// Of all classes, the most probable first; of equal ones the one with the lower number.
using Prediction = std::vector<ClassProbability>;

/// The network of a file with its weights. Any network that can be read can be one; `predict` and
/// what goes with it throw Error for those that do not map one image to one row of logits.
///
/// Thread safety: one thread at a time.
class EQUIPOISE_API Model {
 public:
  /// Reads an ONNX file, ours or another's (docs/onnx.md), or in the folder of a run its
  /// `model.onnx`. Throws Error, with the path, for what is missing or cannot be read as one, and
  /// as the constructor.
  static Model load(const std::filesystem::path& path);

  /// Of a graph without a loss. Throws Error for a state with other tensors than the graph keeps,
  /// labels that are not one per class, and preprocessing that does not end in the network's input
  /// or has a mean or std that is not finite.
  Model(Graph graph, std::span<const ConstStateView> state, ModelInfo info = {});
  ~Model();
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;

  [[nodiscard]] const Graph& graph() const;
  [[nodiscard]] const ModelInfo& info() const;
  /// Runs the network, and has its weights.
  Session& session();
  [[nodiscard]] const State& state() const;

  /// That of the file. If it has none: the shorter side becomes that of the network's input, the
  /// middle is cut out, and values are from 0 to 1.
  [[nodiscard]] const Preprocessing& preprocessing() const;
  [[nodiscard]] std::int64_t class_count() const;
  /// The tensor of logits (N, classes), which a run of the session gives back.
  [[nodiscard]] const std::string& logits() const;

  /// softmax(logits) of an image, or of each of several.
  [[nodiscard]] Prediction predict(const Image& image);
  [[nodiscard]] std::vector<Prediction> predict(std::span<const Image> images);

  /// What the last linear layer reads (its dropout left out): the image as a vector. Throws Error
  /// for a network that does not end in a linear layer.
  [[nodiscard]] std::vector<float> features(const Image& image);

  /// Parameters of the last linear layer, weight and bias; none if the classifier ends in another
  /// one.
  [[nodiscard]] const std::vector<std::string>& head() const;

  /// This model to begin with for other classes: the last linear layer is replaced by one with an
  /// output per label, "logits", whose parameters have the same names and are initialized by the
  /// seed, uniformly in ±1/√features, as PyTorch's. All other tensors have the same bits; what was
  /// behind that layer (softmax) is left out. Where labels are those of the model, in the same
  /// order, its parameters stay as they are.
  ///
  /// Throws Error for a network that is no classifier of images, one that does not end in a linear
  /// layer or uses the weights of that elsewhere, too, and no labels.
  [[nodiscard]] Model with_labels(std::vector<std::string> labels, std::uint64_t seed = 0) const;

  /// Writes the file that `load` reads, as `write_atomically`.
  void save(const std::filesystem::path& path) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// Writes the file of a network that is being trained: `graph` is without the loss, `state` has
/// what it keeps, and may have more. Throws Error as `write_atomically`, for a network that ONNX
/// cannot hold, and for a mean or std that is not finite.
EQUIPOISE_API void save_model(const std::filesystem::path& path, const Graph& graph,
                              const State& state, const ModelInfo& info);

}  // namespace equipoise
