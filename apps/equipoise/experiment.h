#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data_cache.h"
#include "equipoise/data.h"
#include "equipoise/graph.h"
#include "equipoise/image.h"
#include "equipoise/model.h"
#include "equipoise/norm_summary.h"
#include "equipoise/run.h"
#include "equipoise/train.h"
#include "loader_source.h"
#include "plan_file.h"
#include "train_arguments.h"
#include "train_progress.h"

namespace equipoise::program {

/// Everything that a training needs, made of its arguments: what can be wrong with them is found
/// before the run's folder is written.
///
/// Images are resized as TrainSettings::resize says. Where that is 0: to the size that the network
/// takes if all images have one size, and otherwise to 8/7 of it.
///
/// Of a model file come the network, weights and, as far as nothing else is given, what is done to
/// images; its last layer is a new one where the data set has other classes.
class Experiment {
 public:
  /// Throws CLI::ParseError and Error.
  Experiment(const TrainArguments& arguments, DataCache& cache, TrainProgress& progress);
  Experiment(const Experiment&) = delete;
  Experiment& operator=(const Experiment&) = delete;

  /// The arguments, with what was found out in place of what they left open and without what says
  /// nothing here.
  const std::vector<Setting>& settings() const { return settings_; }
  /// The network without a loss.
  const Graph& network() const { return network_; }
  const TrainSettings& options() const { return options_; }
  const Preprocessing& preprocessing() const { return loading_.preprocessing; }
  /// What is written into the model's file.
  ModelInfo model_info() const;
  const TrainingData& data() const { return data_; }
  const std::vector<std::string>& class_names() const { return data_.training->class_names(); }

  LoaderSource& training() { return *training_; }
  /// Null if nothing is held out.
  LoaderSource* validation() { return validation_.get(); }
  Trainer& trainer() { return *trainer_; }
  PlanFile& plan() { return plan_; }

  /// Of the whole training.
  std::int64_t steps() const { return options_.epochs * steps_of_epoch(); }

  /// What the settings do not do, though it might be expected of them; empty if there is nothing.
  std::string warning() const;

  /// What a model file has brought along, and what not; a sentence each.
  const std::vector<std::string>& notes() const { return notes_; }
  /// Whether training begins with the weights of a file.
  bool begins_with_file() const { return begins_with_file_; }

  /// "resnet20 of (1, 28, 28) images in 10 classes, 274,042 parameters"
  std::string describe() const;

 private:
  std::int64_t steps_of_epoch() const;
  void build(const TrainArguments& arguments, DataCache& cache);
  void begin_with(const Model& file, const ModelArguments& arguments);
  /// Throws CLI::ParseError for settings that would do nothing, and leaves their defaults out.
  void reject_unused(const TrainArguments& arguments);
  /// The same of one of them.
  void reject(const TrainArguments& arguments, const char* key, const std::string& why);
  /// What is not given of rate and weight decay: 0.1 and 0.0005 with SGD, 0.001 and 0.01 with
  /// AdamW.
  void complete_optimizer();
  Optimizer optimizer() const;
  void prepare_images(DataCache& cache, TrainProgress& progress);
  void take_statistics(DataCache& cache, TrainProgress& progress);
  /// Without those that keep their running statistics because they are frozen.
  std::vector<NormSummary> trained_batch_norms() const;
  /// Throws Error where batch normalization would have one value per channel.
  void check_batch() const;
  void make_trainer();
  void set(const std::string& key, std::vector<std::string> values);
  /// As `set`, of a path, so that the run can go on from another folder.
  void set_path(const std::string& key, const std::string& path);
  void unset(std::string_view key);

  TrainSettings options_;
  std::vector<Setting> settings_;
  TrainingData data_;
  Graph network_;
  /// Until its weights are in the trainer.
  std::optional<Model> beginning_;
  bool begins_with_file_ = false;
  std::vector<std::string> notes_;
  LoaderOptions loading_;
  std::unique_ptr<LoaderSource> training_;
  std::unique_ptr<LoaderSource> validation_;
  PlanFile plan_;
  std::unique_ptr<Trainer> trainer_;
};

}  // namespace equipoise::program
