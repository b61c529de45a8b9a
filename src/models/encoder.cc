#include <cmath>

#include <fmt/format.h>

#include "models/network_builder.h"

namespace equipoise {
namespace {

using ops::Transposed;

/// Of all weights, as in BERT (Devlin et al. 2019).
constexpr double kDeviation = 0.02;

LinearInitialization initialization() { return {.weight = normal(kDeviation)}; }

/// One block's inputs besides x.
struct Shared {
  /// (N, L)
  TensorId mask;
  /// (N, 1, 1, L)
  TensorId key_mask;
  /// 1/√(width of a head)
  TensorId scale;
};

/// Vaswani et al. 2017, section 3.2: softmax(Q·Kᵀ/√d)·V in each head.
TensorId attention(NetworkBuilder& net, const std::string& name, TensorId x, const Shared& shared) {
  Graph& graph = net.graph();
  const EncoderSizes& sizes = net.options().encoder;
  const std::int64_t head_width = sizes.width / sizes.heads;
  const TensorId projected = net.linear(name + ".in_proj", x, 3 * sizes.width, initialization(),
                                        name + ".in_proj_weight", name + ".in_proj_bias");
  // (N, L, D) → (N, heads, L, D/heads)
  const auto heads_of = [&](std::string_view what, std::int64_t part) {
    const std::string tensor = fmt::format("{}.{}", name, what);
    TensorId heads =
        ops::slice(graph, tensor + ".slice", projected, 2, part * sizes.width, sizes.width);
    heads = ops::reshape(graph, tensor + ".heads", heads,
                         {GraphShape::kBatch, sizes.length, sizes.heads, head_width});
    return ops::transpose(graph, tensor, heads, {0, 2, 1, 3});
  };
  const TensorId query = ops::multiply(graph, name + ".scaled", heads_of("q", 0), shared.scale);
  const TensorId key = heads_of("k", 1);
  const TensorId value = heads_of("v", 2);
  const TensorId scores =
      ops::matmul(graph, name + ".scores", query, key, Transposed::kNo, Transposed::kYes);
  const TensorId weights = ops::softmax(graph, name + ".weights", scores, shared.key_mask);
  TensorId y = ops::matmul(graph, name + ".attended", weights, value);
  y = ops::transpose(graph, name + ".positions", y, {0, 2, 1, 3});
  y = ops::reshape(graph, name + ".joined", y, {GraphShape::kBatch, sizes.length, sizes.width});
  return net.linear(name + ".out_proj", y, sizes.width, initialization());
}

TensorId mlp(NetworkBuilder& net, const std::string& name, TensorId x) {
  x = net.linear(name + ".linear1", x, net.options().encoder.mlp_width, initialization());
  x = net.activate(name + ".activation", x, ops::Function::kGelu);
  return net.linear(name + ".linear2", net.dropout(name + ".dropout", x),
                    net.options().encoder.width, initialization());
}

/// x + attention(norm(x)), then x + mlp(norm(x)) (Xiong et al. 2020, figure 1b).
TensorId block(NetworkBuilder& net, const std::string& name, TensorId x, const Shared& shared,
               double drop_probability) {
  const auto add_branch = [&](int number, TensorId branch) {
    const auto named = [&](std::string_view what) {
      return fmt::format("{}.{}{}", name, what, number);
    };
    branch = net.dropout(named("dropout"), branch);
    branch = net.stochastic_depth(named("stochastic_depth"), branch, drop_probability);
    x = ops::add(net.graph(), named("add"), branch, x);
  };
  add_branch(
      1, attention(net, name + ".self_attn",
                   net.norm_features(name + ".norm1", x, shared.mask, net.last_gamma()), shared));
  add_branch(2,
             mlp(net, name, net.norm_features(name + ".norm2", x, shared.mask, net.last_gamma())));
  return x;
}

void build(NetworkBuilder& net) {
  Graph& graph = net.graph();
  const EncoderSizes& sizes = net.options().encoder;
  const TensorId tokens =
      graph.add_input("tokens", {GraphShape::kBatch, sizes.length}, DType::kI32);
  const TensorId mask = graph.add_input("mask", {GraphShape::kBatch, sizes.length});
  const std::int64_t head_width = sizes.width / sizes.heads;
  const Shared shared{
      .mask = mask,
      .key_mask = ops::reshape(graph, "key_mask", mask, {GraphShape::kBatch, 1, 1, sizes.length}),
      .scale = graph.add_constant(
          "scale", {1}, {static_cast<float>(1 / std::sqrt(static_cast<double>(head_width)))})};

  const TensorId table =
      graph.add_parameter("embedding.weight", {sizes.vocabulary, sizes.width}, normal(kDeviation));
  const TensorId positions = graph.add_parameter("position_embedding.weight",
                                                 {sizes.length, sizes.width}, normal(kDeviation));
  TensorId x = ops::embedding(graph, "embedding", tokens, table);
  x = net.dropout("dropout", ops::add(graph, "position_embedding", x, positions));
  for (std::int64_t i = 0; i < sizes.layers; ++i) {
    const double depth = static_cast<double>(i + 1) / static_cast<double>(sizes.layers);
    x = block(net, fmt::format("layers.{}", i), x, shared, net.settings().stochastic_depth * depth);
  }
  x = net.norm_features("norm", x, mask);
  net.classify("head", ops::masked_mean(graph, "mean", x, mask), initialization());
}

}  // namespace

std::vector<ModelEntry> encoder_entries() {
  return {{.name = "encoder",
           .defaults = {.classes = 10, .norm = ModelNorm::Kind::kLayer, .dropout = 0.1},
           .takes = ModelEntry::Takes::kTokens,
           .build = build}};
}

}  // namespace equipoise
