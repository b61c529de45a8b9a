#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "checks.h"
#include "equipoise/image.h"
#include "equipoise/loader.h"
#include "equipoise/session.h"

namespace equipoise::program {

/// The word for one of these values.
template <class Value>
const std::string& word_of(const std::map<std::string, Value>& choices, Value value) {
  return std::ranges::find(choices, value, &std::pair<const std::string, Value>::second)->first;
}

/// An option whose value is one of a few words.
template <class Value, class Set>
CLI::Option* add_choice(CLI::App& command, const std::string& flag,
                        const std::map<std::string, Value>& choices, Set set,
                        const std::string& description) {
  std::vector<std::string> words;
  words.reserve(choices.size());
  for (const auto& [word, value] : choices) words.push_back(word);
  return command
      .add_option_function<std::string>(
          flag, [choices, set](const std::string& word) { set(choices.at(word)); }, description)
      ->check(one_of(std::move(words)))
      ->type_name("KIND");
}

/// Of --on-bad-image.
inline const std::map<std::string, BadImage>& bad_image_choices() {
  static const std::map<std::string, BadImage> choices = {{"fail", BadImage::kFatal},
                                                          {"skip", BadImage::kSkip}};
  return choices;
}

/// Of --crop.
inline const std::map<std::string, Crop>& crop_choices() {
  static const std::map<std::string, Crop> choices = {
      {"centre", Crop::kCentre}, {"random", Crop::kRandom}, {"resized", Crop::kRandomResized}};
  return choices;
}

/// Of --interpolation.
inline const std::map<std::string, Interpolation>& interpolation_choices() {
  static const std::map<std::string, Interpolation> choices = {
      {"bilinear", Interpolation::kBilinear},
      {"bicubic", Interpolation::kBicubic},
      {"box", Interpolation::kBox}};
  return choices;
}

/// Of --layout.
inline const std::map<std::string, Layout>& layout_choices() {
  static const std::map<std::string, Layout> choices = {{"channels_first", Layout::kChannelsFirst},
                                                        {"channels_last", Layout::kChannelsLast},
                                                        {"blocked8", Layout::kBlocked8},
                                                        {"blocked16", Layout::kBlocked16}};
  return choices;
}
inline constexpr const char* kLayoutDescription =
    "Of images between convolutions: channels_first, channels_last, blocked8 or blocked16; what "
    "the machine is fastest with by default";

/// Of --memory.
inline const std::map<std::string, MemoryMode>& memory_choices() {
  static const std::map<std::string, MemoryMode> choices = {{"default", MemoryMode::kDefault},
                                                            {"lean", MemoryMode::kLean}};
  return choices;
}
inline constexpr const char* kPlanDescription =
    "Plan by times of this machine: those in this file, which is made if there is none; others are "
    "measured and added";

inline constexpr const char* kMemoryDescription =
    "lean: results of normalizations are dropped and computed again in the backward, which takes "
    "less memory and more time, and gives the same bits (default)";

}  // namespace equipoise::program
