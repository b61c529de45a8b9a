#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "checks.h"
#include "choice.h"
#include "command.h"
#include "equipoise/data.h"
#include "equipoise/error.h"
#include "equipoise/model.h"
#include "equipoise/runtime.h"
#include "equipoise/train.h"
#include "loader_source.h"
#include "model_arguments.h"
#include "numbers.h"
#include "output.h"
#include "progress.h"
#include "table.h"

namespace equipoise::program {
namespace {

using Json = nlohmann::ordered_json;

/// Batches of images, which show how far it has come.
class WatchedSource : public LoaderSource {
 public:
  WatchedSource(const DatasetPtr& images, const LoaderOptions& options)
      : LoaderSource(images, Pass::kEvaluation, options),
        progress_("evaluate", static_cast<int>(batches())) {}

  std::span<const Input> next() override {
    const std::span<const Input> batch = LoaderSource::next();
    if (!batch.empty()) progress_.advance();
    return batch;
  }

 private:
  Progress progress_;
};

struct Result {
  std::string model;
  std::string data;
  Split split = Split::kTest;
  std::vector<std::string> labels = {};
  Evaluation evaluation = {};
  std::vector<SkippedImage> skipped = {};
};

double share(const ClassCount& count) {
  return static_cast<double>(count.right) / static_cast<double>(count.samples);
}

std::string result_text(const Result& result, const Style& style) {
  const Evaluation& all = result.evaluation;
  const std::string title =
      fmt::format("{}: {} {} images of {}", result.model, with_commas(all.samples),
                  to_string(result.split), result.data);
  Table table({{.title = "class", .elastic = true},
               {.title = "images", .align = Table::Align::kRight},
               {.title = "right", .align = Table::Align::kRight},
               {.title = "accuracy", .align = Table::Align::kRight}});
  for (std::size_t i = 0; i < all.classes.size(); ++i) {
    const ClassCount& count = all.classes[i];
    table.add({result.labels[i], with_commas(count.samples), with_commas(count.right),
               count.samples > 0 ? percent(share(count)) : "–"});
  }
  return fmt::format("{}\naccuracy {}, loss {:.4f}\n\n{}", style.strong(title),
                     percent(all.accuracy), all.loss, table.text(style));
}

std::string result_document(const Result& result) {
  const Evaluation& all = result.evaluation;
  Json classes = Json::array();
  for (std::size_t i = 0; i < all.classes.size(); ++i) {
    const ClassCount& count = all.classes[i];
    Json entry = {{"label", result.labels[i]}, {"images", count.samples}, {"right", count.right}};
    entry["accuracy"] = count.samples > 0 ? Json(share(count)) : Json(nullptr);
    classes.push_back(std::move(entry));
  }
  Json skipped = Json::array();
  for (const SkippedImage& image : result.skipped) {
    skipped.push_back({{"image", image.name}, {"reason", image.reason}});
  }
  const Json document = {{"equipoise", kVersion},
                         {"kind", "evaluate"},
                         {"version", 1},
                         {"model", result.model},
                         {"data", result.data},
                         {"split", to_string(result.split)},
                         {"images", all.samples},
                         {"accuracy", all.accuracy},
                         {"loss", all.loss},
                         {"classes", std::move(classes)},
                         {"skipped", std::move(skipped)}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

class Evaluate {
 public:
  explicit Evaluate(CLI::App& command) {
    command.add_option("MODEL", model_, "An ONNX file, or the folder of a run")
        ->type_name("")
        ->required();
    command.add_option("--data", data_, "A data set, as for 'equipoise train'")
        ->type_name("NAME|FOLDER")
        ->required();
    static const std::map<std::string, Split> splits = {
        {"training", Split::kTraining}, {"validation", Split::kValidation}, {"test", Split::kTest}};
    add_choice(
        command, "--split", splits, [this](Split split) { split_ = split; },
        "training, validation or test; by default test, without test images validation, and "
        "without either all images");
    command
        .add_option("--validation-fraction", held_out_.validation_fraction,
                    "Share of the training images that was held out by 'equipoise train', for "
                    "--split (0)")
        ->type_name("F")
        ->check(number_between(0, 0.9));
    seed_ =
        command.add_option("--seed", held_out_.seed, "The seed by which they were held out (0)")
            ->type_name("N")
            ->check(whole_number());
    add_choice(
        command, "--on-bad-image", bad_image_choices(), [this](BadImage bad) { bad_image_ = bad; },
        "At an image that cannot be read: fail (default) or skip");
    command.add_option("--batch", batch_, "Images that are run at once (256)")
        ->type_name("N")
        ->check(count());
    command.add_option("--workers", workers_, "Threads that load images (2)")
        ->type_name("N")
        ->check(count());
    command.add_option("--threads", threads_, "Threads, as many as cores by default")
        ->type_name("N")
        ->check(count());
    command.add_flag("--json", json_, "A document in place of text");
    command.add_option("-o,--output", path_, "Write to this file in place of standard output")
        ->type_name("FILE");
  }

  ExitCode run() const {
    if (threads_ > 0) set_num_threads(threads_);
    Model model = load_trained(model_);
    const auto [images, split] = open();
    check_classes(model, images->class_names());
    const LoaderOptions options{.preprocessing = model.preprocessing(),
                                .batch_size = std::min<std::int64_t>(batch_, images->size()),
                                .bad_image = bad_image_,
                                .workers = workers_};
    Result result{.model = model_, .data = data_, .split = split};
    result.labels = model.info().labels.empty() ? images->class_names() : model.info().labels;
    {
      WatchedSource source(images, options);
      result.evaluation = evaluate(model.session(), source, nullptr, {.logits = model.logits()});
      result.skipped = source.loader().skipped();
    }
    for (const SkippedImage& image : result.skipped) {
      fmt::print(stderr, "Skipped: {}\n", image.reason);
    }
    const Output output(path_);
    output.write(json_ ? result_document(result) : result_text(result, output.style()));
    return kDone;
  }

 private:
  EvaluationData open() const {
    const bool is_held_out = held_out_.validation_fraction > 0;
    if (is_held_out && split_.value_or(Split::kTest) == Split::kTest) {
      throw CLI::ValidationError("--validation-fraction",
                                 "goes with --split training or validation");
    }
    if (!is_held_out && seed_->count() > 0) {
      throw CLI::ValidationError("--seed", "goes with --validation-fraction");
    }
    if (!split_) return open_evaluation_data(data_);
    if (!is_held_out) return {.images = open_dataset(data_, *split_), .split = *split_};
    const TrainingData data = open_training_data(data_, held_out_);
    if (!data.is_held_out) {
      throw CLI::ValidationError("--validation-fraction",
                                 fmt::format("'{}' has validation images of its own", data_));
    }
    return {.images = *split_ == Split::kTraining ? data.training : data.validation,
            .split = *split_};
  }

  void check_classes(const Model& model, const std::vector<std::string>& names) const {
    const std::vector<std::string>& labels = model.info().labels;
    if (model.class_count() != std::ssize(names)) {
      throw Error(fmt::format("model '{}' tells {} classes apart, data set '{}' has {}", model_,
                              model.class_count(), data_, names.size()));
    }
    const auto [mine, theirs] = std::ranges::mismatch(labels, names);
    if (mine != labels.end()) {
      fmt::print(stderr,
                 "Classes are compared by number, and are not called the same: '{}' of the model, "
                 "'{}' of the data set\n",
                 *mine, *theirs);
    }
  }

  std::string model_;
  std::string data_;
  std::optional<Split> split_;
  DatasetOptions held_out_;
  const CLI::Option* seed_ = nullptr;
  BadImage bad_image_ = BadImage::kFatal;
  std::int64_t batch_ = 256;
  int workers_ = 2;
  int threads_ = 0;
  bool json_ = false;
  std::string path_;
};

}  // namespace

Command add_evaluate(CLI::App& program) {
  CLI::App* command =
      program.add_subcommand("evaluate", "Measure how often a model is right, class by class");
  command->group("Commands");
  command->footer(
      "Examples:\n"
      "  equipoise evaluate runs/fashion --data fashion-mnist\n"
      "  equipoise evaluate model.onnx --data photos --on-bad-image skip --json");
  auto evaluate = std::make_shared<Evaluate>(*command);
  return {.options = command, .run = [evaluate] { return evaluate->run(); }};
}

}  // namespace equipoise::program
