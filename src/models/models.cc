#include "equipoise/models.h"

#include <algorithm>
#include <iterator>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"
#include "equipoise/error.h"
#include "models/network_builder.h"
#include "models/settings.h"

namespace equipoise {
namespace {

const std::vector<ModelEntry>& entries() {
  static const std::vector<ModelEntry> all = [] {
    std::vector<ModelEntry> collected;
    for (const auto& family : {resnet_entries, efficientnet_entries, efficientnet_lite_entries,
                               mobilenet_entries, vgg_entries, mlp_entries, encoder_entries}) {
      std::ranges::move(family(), std::back_inserter(collected));
    }
    return collected;
  }();
  return all;
}

}  // namespace

std::span<const std::string_view> model_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> collected;
    for (const ModelEntry& entry : entries()) collected.push_back(entry.name);
    return collected;
  }();
  return names;
}

Graph build_model(std::string_view name, const ModelOptions& options) {
  const auto entry = std::ranges::find(entries(), name, &ModelEntry::name);
  if (entry == entries().end()) {
    throw Error(fmt::format("there is no model '{}'{} (there are {})", name,
                            did_you_mean(name, model_names()), fmt::join(model_names(), ", ")));
  }
  NetworkBuilder builder(std::string(name), resolve_settings(*entry, options), options);
  entry->build(builder);
  return builder.take();
}

TensorId add_classification_loss(Graph& graph, double label_smoothing) {
  const TensorId logits = graph.tensor("logits");
  const TensorId labels = graph.add_input("labels", {GraphShape::kBatch}, DType::kI32);
  const TensorId loss = ops::cross_entropy(graph, "loss", logits, labels, label_smoothing);
  graph.add_output(loss);
  return loss;
}

}  // namespace equipoise
