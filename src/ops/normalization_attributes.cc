#include "ops/normalization_attributes.h"

#include <string>

namespace equipoise {

std::vector<Attribute> attributes_of(const NormAttributes& norm) {
  const NormAttributes standard;
  std::vector<Attribute> result;
  // A named one, since GCC 12 takes a temporary's other alternatives for uninitialized reads.
  const auto add = [&](std::string_view name, decltype(Attribute::value) value) {
    const Attribute attribute{.name = name, .value = std::move(value)};
    result.push_back(attribute);
  };
  if (norm.kind == NormKind::kGroup) add("groups", norm.groups);
  if (norm.kind == NormKind::kLayer || norm.kind == NormKind::kRms) {
    if (norm.axes.trailing == LayerAxes::kChannels) {
      add("axes", std::string("channels"));
    } else {
      add("trailing", std::int64_t{norm.axes.trailing});
    }
  }
  if (norm.epsilon != standard.epsilon) add("epsilon", norm.epsilon);
  if (norm.activation != Activation::kNone) {
    add("activation", std::string(to_string(norm.activation)));
  }
  if (norm.activation == Activation::kLeakyRelu) {
    add("negative_slope", double{norm.negative_slope});
  }
  if (norm.kind != NormKind::kBatch) return result;

  if (norm.statistics != standard.statistics) {
    add("statistics", std::string(to_string(norm.statistics)));
  }
  if (norm.update_running) {
    add("update_running", true);
    if (norm.rule.averaging == Averaging::kMomentum) {
      add("momentum", norm.rule.momentum);
    } else {
      add("averaging", std::string(to_string(norm.rule.averaging)));
    }
    if (norm.rule.averaging == Averaging::kWindowed) add("window", norm.rule.window);
    if (norm.rule.variance == VarianceEstimate::kBiased) add("variance", std::string("biased"));
  }
  if (norm.statistics == Statistics::kBlend) add("pseudo_count", norm.pseudo_count);
  if (norm.ghost_batch_size > 0) add("ghost_batch_size", norm.ghost_batch_size);
  if (norm.renorm) {
    add("r_max", norm.renorm->r_max);
    add("d_max", norm.renorm->d_max);
  }
  if (norm.synchronized) add("synchronized", true);
  return result;
}

}  // namespace equipoise
