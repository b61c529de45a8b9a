// What a checkpoint holds of a layer.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "equipoise/layers.h"
#include "norm/layers/checks.h"

namespace equipoise {
namespace {

// Of PyTorch's buffers the one that old checkpoints lack.
constexpr std::string_view kMayBeMissing = "num_batches_tracked";

std::size_t size_of(const ConstStateView& part) {
  return std::visit([](auto values) { return values.size(); }, part.values);
}

std::string names_of(const std::vector<ConstStateView>& state) {
  std::string names;
  for (const ConstStateView& part : state) {
    names += names.empty() ? "" : ", ";
    names += part.name;
  }
  return names.empty() ? "nothing" : names;
}

}  // namespace

std::vector<StateView> NormLayer::state() {
  std::vector<StateView> state;
  if (!weight_.empty()) state.push_back({.name = "weight", .values = std::span(weight_)});
  if (!bias_.empty()) state.push_back({.name = "bias", .values = std::span(bias_)});
  append_state(state);
  return state;
}

std::vector<ConstStateView> NormLayer::state() const {
  std::vector<ConstStateView> state;
  if (!weight_.empty()) state.push_back({.name = "weight", .values = std::span(weight_)});
  if (!bias_.empty()) state.push_back({.name = "bias", .values = std::span(bias_)});
  append_state(state);
  return state;
}

void NormLayer::append_state(std::vector<StateView>& /*state*/) {}
void NormLayer::append_state(std::vector<ConstStateView>& /*state*/) const {}

void NormLayer::load_state(std::span<const ConstStateView> source) {
  const std::vector<ConstStateView> target = std::as_const(*this).state();
  const auto in_source = [&](std::string_view name) {
    return std::ranges::count(source, name, &ConstStateView::name);
  };

  for (const ConstStateView& part : source) {
    const auto own = std::ranges::find(target, part.name, &ConstStateView::name);
    if (own == target.end()) {
      throw Error(fmt::format("{}: there is no '{}' to load; the layer has {}", name_, part.name,
                              names_of(target)));
    }
    if (in_source(part.name) > 1) {
      throw Error(fmt::format("{}: '{}' is given more than once", name_, part.name));
    }
    if (own->values.index() != part.values.index()) {
      const bool integers = std::holds_alternative<std::span<const std::int64_t>>(own->values);
      throw Error(
          fmt::format("{}: '{}' has to be {}", name_, part.name, integers ? "int64" : "f32"));
    }
    if (size_of(*own) != size_of(part)) {
      throw Error(fmt::format("{}: '{}' has {} values; the layer needs {}", name_, part.name,
                              size_of(part), size_of(*own)));
    }
    if (const auto* counts = std::get_if<std::span<const std::int64_t>>(&part.values)) {
      norm::require_batch_count(name_, part.name, counts->front());
    }
  }
  for (const ConstStateView& own : target) {
    if (own.name != kMayBeMissing && in_source(own.name) == 0) {
      throw Error(fmt::format("{}: '{}' is missing from the state; the layer has {}", name_,
                              own.name, names_of(target)));
    }
  }

  for (const StateView& own : state()) {
    const auto part = std::ranges::find(source, own.name, &ConstStateView::name);
    std::visit(
        [&](auto values) {
          using Value = typename decltype(values)::value_type;
          if (part == source.end()) {
            std::ranges::fill(values, Value{0});
          } else {
            std::ranges::copy(std::get<std::span<const Value>>(part->values), values.begin());
          }
        },
        own.values);
  }
  state_loaded();
}

void NormLayer::state_loaded() {}

}  // namespace equipoise
