#include "models/network_cases.h"

namespace equipoise::testing {
namespace {

using enum ModelNorm::Kind;

void add(std::vector<NetworkCase>& cases, NetworkCase of_all,
         std::initializer_list<ModelNorm::Kind> norms) {
  of_all.options.classes = 10;
  of_all.options.dropout = 0;
  of_all.options.stochastic_depth = 0;
  for (const ModelNorm::Kind norm : norms) {
    of_all.norm = norm;
    of_all.options.norm.kind = norm;
    cases.push_back(of_all);
  }
}

}  // namespace

std::vector<NetworkCase> small_network_cases() {
  std::vector<NetworkCase> cases;
  add(cases, {.model = "mlp", .batch = 8}, {kBatch, kGroup, kLayer, kNone});
  add(cases, {.model = "resnet8", .options = {.input_size = {{16, 16}}}}, {kBatch, kGroup, kNone});
  add(cases,
      {.model = "encoder",
       .options = {.norm = {.groups = 4},
                   .encoder = {.vocabulary = 20,
                               .length = 7,
                               .width = 16,
                               .heads = 4,  // of width 4: the scale 1/√4 is exact in f32
                               .layers = 2,
                               .mlp_width = 32}}},
      {kBatch, kGroup, kLayer, kNone});
  return cases;
}

std::vector<NetworkCase> large_network_cases() {
  std::vector<NetworkCase> cases;
  for (const char* model : {"resnet18", "efficientnet_b0"}) {
    add(cases, {.model = model, .options = {.input_size = {{64, 64}}}}, {kBatch, kGroup, kNone});
  }
  add(cases, {.model = "mobilenet_v2", .options = {.input_size = {{32, 32}}}, .batch = 8},
      {kBatch, kGroup, kNone});
  add(cases, {.model = "vgg11", .options = {.input_size = {{32, 32}}, .hidden = {{64, 64}}}},
      {kBatch, kGroup, kNone});
  return cases;
}

}  // namespace equipoise::testing
