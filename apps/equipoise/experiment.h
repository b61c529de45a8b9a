#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "equipoise/data.h"
#include "equipoise/graph.h"
#include "equipoise/image.h"
#include "equipoise/run.h"
#include "equipoise/train.h"
#include "loader_source.h"
#include "train_arguments.h"

namespace equipoise::program {

/// Everything that a training needs, made of its arguments: what can be wrong with them is found
/// before anything is written.
///
/// Images are resized as TrainSettings::resize says. Where that is 0: to the size that the network
/// takes if all images have one size, not at all if it is that one, and otherwise to 8/7 of it.
class Experiment {
 public:
  /// Throws CLI::ParseError and Error.
  explicit Experiment(const TrainArguments& arguments);
  Experiment(const Experiment&) = delete;
  Experiment& operator=(const Experiment&) = delete;

  /// The arguments, with what was found out in place of what they left open.
  const std::vector<Setting>& settings() const { return settings_; }
  /// The network without a loss.
  const Graph& network() const { return network_; }
  const TrainSettings& options() const { return options_; }
  const Preprocessing& preprocessing() const { return loading_.preprocessing; }
  const std::vector<std::string>& class_names() const { return data_.training->class_names(); }

  LoaderSource& training() { return *training_; }
  /// Null if nothing is held out.
  LoaderSource* validation() { return validation_.get(); }
  Trainer& trainer() { return *trainer_; }

  /// Of the whole training.
  std::int64_t steps() const { return options_.epochs * training_->batches(); }

  /// "resnet20 of (1, 28, 28) images in 10 classes, 274,042 parameters"
  std::string describe() const;

 private:
  void build(const TrainArguments& arguments);
  void prepare_images();
  void make_trainer();
  void set(const std::string& key, std::vector<std::string> values);

  TrainSettings options_;
  std::vector<Setting> settings_;
  TrainingData data_;
  Graph network_;
  LoaderOptions loading_;
  std::unique_ptr<LoaderSource> training_;
  std::unique_ptr<LoaderSource> validation_;
  std::unique_ptr<Trainer> trainer_;
};

}  // namespace equipoise::program
