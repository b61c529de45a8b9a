#include "ops/normalization_attributes.h"

#include <string>

#include "ops/attribute_list.h"

namespace equipoise {

std::vector<Attribute> attributes_of(const NormAttributes& norm) {
  const NormAttributes standard;
  AttributeList list;
  if (norm.kind == NormKind::kGroup) list.add("groups", norm.groups);
  if (norm.kind == NormKind::kLayer || norm.kind == NormKind::kRms) {
    if (norm.axes.over == NormalizedOver::kChannels) {
      list.add("axes", std::string("channels"));
    } else {
      list.add("trailing", std::int64_t{norm.axes.trailing});
    }
  }
  if (norm.epsilon != standard.epsilon) list.add("epsilon", norm.epsilon);
  if (norm.activation != Activation::kNone) {
    list.add("activation", std::string(to_string(norm.activation)));
  }
  if (norm.activation == Activation::kLeakyRelu) {
    list.add("negative_slope", double{norm.negative_slope});
  }
  if (norm.kind != NormKind::kBatch) return list.list();

  if (norm.statistics != standard.statistics) {
    list.add("statistics", std::string(to_string(norm.statistics)));
  }
  if (norm.update_running) {
    list.add("update_running", true);
    if (norm.rule.averaging == Averaging::kMomentum) {
      list.add("momentum", norm.rule.momentum);
    } else {
      list.add("averaging", std::string(to_string(norm.rule.averaging)));
    }
    if (norm.rule.averaging == Averaging::kWindowed) list.add("window", norm.rule.window);
    if (norm.rule.variance == VarianceEstimate::kBiased)
      list.add("variance", std::string("biased"));
  }
  if (norm.statistics == Statistics::kBlend) list.add("pseudo_count", norm.pseudo_count);
  if (norm.ghost_batch_size > 0) list.add("ghost_batch_size", norm.ghost_batch_size);
  if (norm.renorm) {
    list.add("r_max", norm.renorm->r_max);
    list.add("d_max", norm.renorm->d_max);
  }
  if (norm.synchronized) list.add("synchronized", true);
  return list.list();
}

}  // namespace equipoise
