#include <limits>
#include <map>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "checks.h"
#include "choice.h"
#include "train_arguments.h"

namespace equipoise::program {
namespace {

constexpr const char* kData = "Data";
constexpr const char* kTraining = "Training";
constexpr const char* kRun = "Run";

/// Of what becomes an f32.
constexpr double kMost = std::numeric_limits<float>::max();
/// With as many batches as fit any memory, steps can still be counted.
constexpr double kMostEpochs = 1e9;

}  // namespace

void TrainArguments::add_data(CLI::App& command) {
  TrainSettings& s = settings_;
  const auto grouped = [](CLI::Option* option, const char* type) {
    option->type_name(type)->group(kData);
  };
  grouped(command.add_option("--data", s.data,
                             "fashion-mnist, or a folder: of images in one folder per class, of "
                             "CIFAR's binary files, or of MNIST's"),
          "NAME|FOLDER");
  CLI::Option* fraction =
      command
          .add_option("--validation-fraction", s.validation_fraction,
                      "Share of the training images that is held out, where the data set "
                      "has no validation images of its own (0.1)")
          ->check(number_between(0, 0.9))
          ->capture_default_str();
  grouped(fraction, "F");
  grouped(command
              .add_option("--validation-data", s.validation_data,
                          "In place of all these: a data set of the same classes, of which the "
                          "validation images are taken, without any the test images, and with "
                          "neither all images")
              ->excludes(fraction),
          "NAME|FOLDER");
  grouped(command
              .add_option("--resize", s.resize,
                          "Resize the shorter side to this before the network's size is cut "
                          "out; by default to that size, and where images are of several sizes "
                          "to 8/7 of it")
              ->check(count()),
          "N");
  add_choice(
      command, "--interpolation", interpolation_choices(),
      [&s](Interpolation interpolation) { s.interpolation = interpolation; },
      "How images are resized: bilinear, bicubic or box; by default as the model file says, else "
      "bilinear")
      ->group(kData);
  add_choice(
      command, "--crop", crop_choices(), [&s](Crop crop) { s.crop = crop; },
      "What training cuts out: centre; random; resized, a box of random size. By default "
      "resized where images are of several sizes, else centre")
      ->group(kData);
  grouped(
      command.add_option("--padding", s.padding, "Black pixels around images, for --crop random")
          ->check(whole_number())
          ->capture_default_str(),
      "N");
  grouped(command
              .add_option("--flip", s.flip,
                          "Probability that training mirrors an image; by default 0.5 where "
                          "images are of several sizes, else 0")
              ->check(number_between(0, 1)),
          "P");
  grouped(command
              .add_option("--mean", s.mean,
                          "Mean of each channel, from 0 to 1, by which pixels are normalized; "
                          "by default that of the training images")
              ->delimiter(',')
              ->check(number_between(0, 1)),
          "M,...");
  grouped(command.add_option("--std", s.std, "Standard deviation of each channel, likewise")
              ->delimiter(',')
              ->check(positive()),
          "S,...");
  add_choice(
      command, "--on-bad-image", bad_image_choices(), [&s](BadImage bad) { s.bad_image = bad; },
      "At an image that cannot be read: fail (default) or skip")
      ->default_str(word_of(bad_image_choices(), s.bad_image))
      ->group(kData);
  grouped(command.add_option("--workers", s.workers, "Threads that load images (2)")
              ->check(count())
              ->capture_default_str(),
          "N");
}

void TrainArguments::add_training(CLI::App& command) {
  TrainSettings& s = settings_;
  const auto grouped = [](CLI::Option* option, const char* type) {
    option->type_name(type)->group(kTraining);
  };
  grouped(command.add_option("--epochs", s.epochs, "Times that all images are seen (10)")
              ->check(count())
              ->check(number_between(1, kMostEpochs))
              ->capture_default_str(),
          "N");
  grouped(command.add_option("--batch", s.batch, "Images of a batch (128)")
              ->check(count())
              ->capture_default_str(),
          "N");
  grouped(command
              .add_option("--accumulate", s.accumulate,
                          "Batches of an update, whose gradients are averaged (1)")
              ->check(count())
              ->capture_default_str(),
          "N");
  grouped(
      command.add_option("--lr", s.rate, "Learning rate (0.1; of adamw 0.001)")->check(positive()),
      "R");
  static const std::map<std::string, Decay> decays = {
      {"constant", Decay::kConstant}, {"step", Decay::kStep}, {"cosine", Decay::kCosine}};
  add_choice(
      command, "--schedule", decays, [&s](Decay decay) { s.decay = decay; },
      "How the rate goes on: cosine (default), step or constant")
      ->default_str(word_of(decays, s.decay))
      ->group(kTraining);
  grouped(command.add_option("--warmup", s.warmup, "Epochs in which the rate rises (0)")
              ->check(number_between(0, kMostEpochs))
              ->capture_default_str(),
          "E");
  grouped(command.add_option("--final-lr", s.final_rate, "Where cosine ends (0)")
              ->check(number_between(0, kMost))
              ->capture_default_str(),
          "R");
  grouped(command
              .add_option("--milestones", s.milestones,
                          "Epochs at which --schedule step lowers the rate")
              ->delimiter(',')
              ->check(positive())
              ->check(number_between(0, kMostEpochs)),
          "E,...");
  grouped(command.add_option("--lr-factor", s.factor, "What it is multiplied by at each (0.1)")
              ->check(number_between(0, 1))
              ->capture_default_str(),
          "F");
  static const std::map<std::string, OptimizerKind> optimizers = {{"sgd", OptimizerKind::kSgd},
                                                                  {"adamw", OptimizerKind::kAdamW}};
  add_choice(
      command, "--optimizer", optimizers, [&s](OptimizerKind kind) { s.optimizer = kind; },
      "sgd (default) or adamw")
      ->default_str(word_of(optimizers, s.optimizer))
      ->group(kTraining);
  grouped(command.add_option("--sgd-momentum", s.momentum, "Of sgd (0.9)")
              ->check(number_between(0, 1))
              ->capture_default_str(),
          "M");
  command.add_flag("--nesterov", s.nesterov, "Nesterov's momentum")->group(kTraining);
  grouped(command
              .add_option("--adamw-betas", s.adamw_betas,
                          "Of adamw: what stays of the averages of gradients and of their "
                          "squares at each step (0.9,0.999)")
              ->delimiter(',')
              ->expected(2)
              ->check(below_one())
              ->default_str(fmt::format("{}", fmt::join(s.adamw_betas, ","))),
          "B1,B2");
  grouped(command
              .add_option("--adamw-epsilon", s.adamw_epsilon,
                          "Of adamw: what is added to the root (1e-8)")
              ->check(positive())
              ->capture_default_str(),
          "E");
  grouped(command
              .add_option("--weight-decay", s.weight_decay,
                          "Of weights, without biases and normalizations (0.0005; of adamw 0.01)")
              ->check(number_between(0, kMost)),
          "D");
  command
      .add_flag("--decay-norms-and-biases", s.decay_norms_and_biases,
                "Weight decay of all parameters")
      ->group(kTraining);
  static const std::map<std::string, FrozenNorms> frozen_norms = {
      {"running", FrozenNorms::kRunning}, {"batch", FrozenNorms::kAsBuilt}};
  add_choice(
      command, "--frozen-norms", frozen_norms, [&s](FrozenNorms are) { s.frozen_norms = are; },
      "Where --freeze leaves a batch normalization nothing to train: running (default), it uses "
      "and keeps its running statistics; batch, it goes by the batch and averages as others do")
      ->default_str(word_of(frozen_norms, s.frozen_norms))
      ->group(kTraining);
  grouped(command
              .add_option("--clip-norm", s.clip_norm,
                          "Norm of all gradients together, to which larger ones are scaled down; "
                          "none by default")
              ->check(positive()),
          "X");
  grouped(command
              .add_option("--ema", s.ema,
                          "Also average weights, of which this much stays at each update (0.999); "
                          "the model's file has the average")
              ->check(below_one()),
          "D");
  grouped(command
              .add_option("--ema-recalibrate", s.ema_recalibrate,
                          "Training images over which batch statistics are recomputed for averaged "
                          "weights behind each epoch, all by default")
              ->check(count()),
          "N");
  grouped(command
              .add_option("--label-smoothing", s.label_smoothing,
                          "Share of each label that is spread over all classes (0)")
              ->check(number_between(0, 0.99))
              ->capture_default_str(),
          "S");
  grouped(command
              .add_option("--most-refusals", s.most_refusals,
                          "Steps in a row with numbers that are not finite, none of which changes "
                          "anything, that end the training (10)")
              ->check(count())
              ->capture_default_str(),
          "N");
  grouped(command
              .add_option("--seed", s.seed,
                          "Of initial weights, order, augmentation, dropout, and of what is "
                          "held out (0)")
              ->check(whole_number())
              ->capture_default_str(),
          "N");
  add_choice(
      command, "--layout", layout_choices(), [&s](Layout layout) { s.layout = layout; },
      kLayoutDescription)
      ->group(kTraining);
  add_choice(
      command, "--memory", memory_choices(), [&s](MemoryMode memory) { s.memory = memory; },
      kMemoryDescription)
      ->default_str(word_of(memory_choices(), s.memory))
      ->group(kTraining);
  grouped(command.add_option("--plan", s.plan, kPlanDescription), "FILE");
  grouped(command.add_option("--threads", s.threads, "Threads, as many as cores by default")
              ->check(count()),
          "N");
}

void TrainArguments::add_run(CLI::App& command) {
  TrainSettings& s = settings_;
  const auto add = [&](const char* flag, auto& value, const char* description) {
    command.add_option(flag, value, description)
        ->check(count())
        ->type_name("N")
        ->group(kRun)
        ->capture_default_str();
  };
  add("--keep", s.keep, "Checkpoints that are kept, besides the best one (3)");
  command
      .add_option("--save-every", s.save_every,
                  "Steps between checkpoints within an epoch; none by "
                  "default: there is one behind each epoch")
      ->check(count())
      ->type_name("N")
      ->group(kRun);
  command
      .add_option("--evaluate-every", s.evaluate_every,
                  "Steps between evaluations in validation within an epoch; none by default: "
                  "there is one behind each epoch")
      ->check(count())
      ->type_name("N")
      ->group(kRun);
  add("--log-every", s.log_every, "Steps between lines of metrics (50)");
}

}  // namespace equipoise::program
