#include "train_state.h"

#include <array>
#include <charconv>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "equipoise/error.h"

namespace equipoise::program {
namespace {

/// Calls a function with the name and the value of each number, to write it or to read it.
template <class State, class Function>
void for_each_number(State& state, Function&& function) {
  auto& trainer = state.trainer;
  function("epoch", trainer.epoch);
  function("batch", trainer.batch);
  function("trainer_step", trainer.step);
  function("session_steps", trainer.session_steps);
  function("refused", trainer.refused);
  function("refused_in_a_row", trainer.refused_in_a_row);
  function("epoch_loss", trainer.epoch_loss);
  function("epoch_samples", trainer.epoch_samples);
  function("epoch_refused", trainer.epoch_refused);
  function("best_accuracy", trainer.best_accuracy);
  function("best_loss", trainer.best_loss);
  function("best_epoch", trainer.best_epoch);
  function("tally_loss", state.tally.loss);
  function("tally_samples", state.tally.samples);
  function("tally_right", state.tally.right);
  function("rate", state.tally.rate);
  function("seconds", state.seconds);
  function("metric_lines", state.metric_lines);
  function("training_images", state.data.training.images);
  function("training_labels_checksum", state.data.training.labels_checksum);
  function("validation_images", state.data.validation.images);
  function("validation_labels_checksum", state.data.validation.labels_checksum);
}

TrainState state_of(const Checkpoint& checkpoint) {
  TrainState state;
  for_each_number(state, [&checkpoint](const char* name, auto& value) {
    const auto fact = checkpoint.facts.find(name);
    if (fact == checkpoint.facts.end()) {
      throw Error(fmt::format("the checkpoint says nothing of '{}'", name));
    }
    const std::string& text = fact->second;
    const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || stopped != text.data() + text.size()) {
      throw Error(fmt::format("the checkpoint has '{}' for '{}'", text, name));
    }
  });
  if (state.metric_lines < 0) {
    throw Error(fmt::format("the checkpoint has {} lines of metrics", state.metric_lines));
  }
  return state;
}

void check_images(const ImageFacts& now, const ImageFacts& began, const char* what) {
  if (now.images != began.images) {
    throw Error(fmt::format("data set '{}' has {} {} images; the run began with {}", now.data,
                            now.images, what, began.images));
  }
  if (now.labels_checksum != began.labels_checksum) {
    throw Error(fmt::format(
        "data set '{}' has other classes, or images of others, than the run began with", now.data));
  }
}

ImageFacts facts_of(const Dataset& images, const std::string& name) {
  std::string text;
  for (const std::string& label : images.class_names()) text += label + '\n';
  for (std::int64_t i = 0; i < images.size(); ++i) {
    fmt::format_to(std::back_inserter(text), "{} ", images.label(i));
  }
  return {.data = name, .images = images.size(), .labels_checksum = crc32c(text)};
}

void load(const Checkpoint& checkpoint, State& state) {
  std::vector<ConstStateView> views;
  for (const CheckpointTensor& tensor : checkpoint.tensors) {
    ConstStateView& view = views.emplace_back();
    view.name = tensor.name;
    std::visit([&view](const auto& values) { view.values = std::span(values); }, tensor.values);
  }
  if (state.entries().size() != views.size()) {
    throw Error(fmt::format("the checkpoint has {} tensors, the network {}: it is of another one",
                            views.size(), state.entries().size()));
  }
  state.load(views);
}

}  // namespace

DataFacts facts_of(const TrainingData& data, const std::string& training,
                   const std::string& validation) {
  DataFacts facts{.training = facts_of(*data.training, training),
                  .validation = {.data = validation}};
  if (data.validation) facts.validation = facts_of(*data.validation, validation);
  return facts;
}

void save(RunFolder& folder, Trainer& trainer, const TrainState& state,
          std::optional<double> score) {
  std::map<std::string, std::string> facts;
  for_each_number(state, [&facts](const char* name, const auto& value) {
    facts[name] = fmt::format("{}", value);
  });
  std::vector<CheckpointView> tensors;
  const State& kept = trainer.session().state();
  for (const ConstStateView& entry : kept.entries()) {
    tensors.push_back(
        {.name = std::string(entry.name), .shape = kept.shape(entry.name), .values = entry.values});
  }
  folder.save(state.trainer.step, tensors, facts, score);
}

TrainState restore(const Checkpoint& checkpoint, Trainer& trainer, const DataFacts& data) {
  try {
    TrainState state = state_of(checkpoint);
    check_images(data.training, state.data.training, "training");
    check_images(data.validation, state.data.validation, "validation");
    load(checkpoint, trainer.session().state());
    trainer.resume(state.trainer);
    return state;
  } catch (const Error& error) {
    throw Error(fmt::format("'{}': {}", checkpoint.path.string(), error.what()));
  }
}

}  // namespace equipoise::program
