#include <memory>
#include <random>

#include "norm/contender.h"

namespace equipoise::bench {
namespace {

// What a training loop keeps: parameters, their gradients, a record per layer (here: per set), one
// workspace.
class Layer {
 public:
  Layer(const NormCase& norm_case, Variant variant, const RotatedSets& sets)
      : case_(norm_case),
        variant_(variant),
        sets_(sets),
        weight_(static_cast<std::size_t>(norm_case.shape.channels())),
        bias_(weight_.size()),
        dweight_(weight_.size()),
        dbias_(weight_.size()),
        records_(sets.size()) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal(0.0F, 0.1F);
    for (float& w : weight_) w = 1.0F + normal(random);
    for (float& b : bias_) b = normal(random);
  }

  void forward(std::size_t set) {
    const NormForward arguments{.x = view(tensors(set).x),
                                .y = view(tensors(set).y),
                                .weight = weight_,
                                .bias = bias_,
                                .activation = case_.activation,
                                .workspace = &workspace_};
    switch (case_.normalization) {
      case Normalization::kBatch:
        return batch_norm(arguments, {}, &records_[set]);
      case Normalization::kLayer:
        return layer_norm(arguments, {.trailing = 1}, &records_[set]);
      case Normalization::kGroup:
        return group_norm(arguments, case_.groups, &records_[set]);
      case Normalization::kInstance:
        return instance_norm(arguments, &records_[set]);
    }
  }

  void backward(std::size_t set) {
    norm_backward({.x = view(tensors(set).x),
                   .dy = view(tensors(set).dy),
                   .dx = view(tensors(set).dx),
                   .weight = weight_,
                   .bias = bias_,
                   .dweight = dweight_,
                   .dbias = dbias_,
                   .workspace = &workspace_},
                  records_[set]);
  }

 private:
  const RotatedSets::Tensors& tensors(std::size_t set) const {
    return sets_.tensors(set, variant_.dtype);
  }
  TensorView view(void* data) const {
    return {.data = data, .shape = case_.shape, .layout = variant_.layout, .dtype = variant_.dtype};
  }

  NormCase case_;
  Variant variant_;
  const RotatedSets& sets_;
  std::vector<float> weight_;
  std::vector<float> bias_;
  std::vector<float> dweight_;
  std::vector<float> dbias_;
  std::vector<NormRecord> records_;
  Workspace workspace_;
};

}  // namespace

std::vector<Contender> our_contenders(const NormCase& norm_case, Variant variant,
                                      const RotatedSets& sets) {
  const auto layer = std::make_shared<Layer>(norm_case, variant, sets);
  const auto contender = [variant](const char* pass, std::function<void(std::size_t)> run) {
    return Contender{.who = "ours",
                     .pass = pass,
                     .variant = variant,
                     .implementation = {},
                     .run = std::move(run)};
  };
  if (norm_case.normalization != Normalization::kBatch) {
    return {contender("forward_backward", [layer](std::size_t set) {
      layer->forward(set);
      layer->backward(set);
    })};
  }
  return {contender("forward", [layer](std::size_t set) { layer->forward(set); }),
          contender("backward", [layer](std::size_t set) { layer->backward(set); })};
}

}  // namespace equipoise::bench
