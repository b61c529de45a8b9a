#include "models/settings.h"

#include <algorithm>

#include <fmt/format.h>

#include "equipoise/error.h"

namespace equipoise {
namespace {

class Check {
 public:
  explicit Check(std::string_view model) : model_(model) {}

  void at_least_one(std::string_view option, std::int64_t value) const {
    if (value < 1) fail("{} is {}; it has to be ≥ 1", option, value);
  }

  void probability(std::string_view option, double value) const {
    if (!(value >= 0 && value < 1)) fail("{} is {}; it has to be in [0, 1)", option, value);
  }

  void unused(std::string_view option, bool set, std::string_view instead) const {
    if (set) fail("has no use for {}{}", option, instead);
  }

  template <class... Values>
  [[noreturn]] void fail(fmt::format_string<Values...> format, Values&&... values) const {
    throw Error(fmt::format("model '{}': {}", model_,
                            fmt::format(format, std::forward<Values>(values)...)));
  }

 private:
  std::string_view model_;
};

void check_encoder(const Check& check, const EncoderSizes& sizes) {
  check.at_least_one("encoder.vocabulary", sizes.vocabulary);
  check.at_least_one("encoder.length", sizes.length);
  check.at_least_one("encoder.width", sizes.width);
  check.at_least_one("encoder.heads", sizes.heads);
  check.at_least_one("encoder.layers", sizes.layers);
  check.at_least_one("encoder.mlp_width", sizes.mlp_width);
  if (sizes.width % sizes.heads != 0) {
    check.fail("encoder.width {} is no multiple of encoder.heads {}", sizes.width, sizes.heads);
  }
}

}  // namespace

ModelSettings resolve_settings(const ModelEntry& entry, const ModelOptions& options) {
  const Check check(entry.name);
  using enum ModelEntry::Takes;
  if (entry.takes == kTokens) {
    check.unused("input_channels", options.input_channels.has_value(), ": its input is tokens");
    check.unused("input_size", options.input_size.has_value(), ": set encoder.length");
    check_encoder(check, options.encoder);
  }
  if (entry.takes != kImageAndHidden) {
    check.unused("hidden", options.hidden.has_value(),
                 ": 'mlp', 'vgg11' and 'vgg16' have such layers");
  }

  ModelSettings settings = entry.defaults;
  settings.classes = options.classes.value_or(settings.classes);
  settings.input_channels = options.input_channels.value_or(settings.input_channels);
  settings.input_size = options.input_size.value_or(settings.input_size);
  settings.norm = options.norm.kind.value_or(settings.norm);
  settings.dropout = options.dropout.value_or(settings.dropout);
  settings.stochastic_depth = options.stochastic_depth.value_or(settings.stochastic_depth);
  if (options.hidden) settings.hidden = *options.hidden;

  check.at_least_one("classes", settings.classes);
  check.at_least_one("input_channels", settings.input_channels);
  check.at_least_one("input_size", std::ranges::min(settings.input_size));
  check.at_least_one("norm.groups", options.norm.groups);
  check.probability("dropout", settings.dropout);
  check.probability("stochastic_depth", settings.stochastic_depth);
  for (const std::int64_t width : settings.hidden) check.at_least_one("a width of hidden", width);
  return settings;
}

}  // namespace equipoise
