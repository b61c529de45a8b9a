// Stands in for onednn_contenders.cc where oneDNN is not installed.

#include "norm/contender.h"

namespace equipoise::bench {

std::string onednn_version() { return {}; }

std::vector<Contender> onednn_contenders(const NormCase&, Variant, const RotatedSets&, int) {
  return {};
}

}  // namespace equipoise::bench
