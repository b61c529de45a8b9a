// Google Benchmark of our batch, layer, group and instance norm at the shapes of bench/shapes,
// beside a copy of the tensor: for work on a kernel (--benchmark_filter, --benchmark_repetitions).
// bench/run norm compares with peers.
//
// Names are normalization/network/shape/layout/dtype/pass.

#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "equipoise/runtime.h"
#include "norm/contender.h"

namespace equipoise::bench {
namespace {

struct Shapes {
  std::vector<std::int64_t> samples;
  std::vector<std::vector<std::int64_t>> dimensions;
};

// The format is that of bench/shapes: "samples 16 32", then lines of a layer count and dimensions.
Shapes read_shapes(const std::string& network) {
  const std::string path = std::string(EQUIPOISE_BENCH_SHAPES) + "/" + network + ".txt";
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path + " cannot be read");
  Shapes shapes;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string first;
    if (!(words >> first)) continue;
    std::vector<std::int64_t> numbers;
    for (std::int64_t n = 0; words >> n;) numbers.push_back(n);
    if (first == "samples") {
      shapes.samples = numbers;
    } else {
      shapes.dimensions.push_back(numbers);
    }
  }
  return shapes;
}

// The tensors and contenders of one variant, kept while benchmarks ask for the same one.
struct Prepared {
  Prepared(std::string prepared_name, const NormCase& norm_case, Variant variant)
      : name(std::move(prepared_name)),
        sets(norm_case.shape, {&variant, 1}),
        contenders(our_contenders(norm_case, variant, sets)) {
    for (Contender& c : copy_contenders(variant.dtype, sets, num_threads())) {
      contenders.push_back(std::move(c));
    }
    for (std::size_t set = 0; set < sets.size(); ++set) {
      for (const Contender& c : contenders) c.run(set);
    }
  }

  std::string name;
  RotatedSets sets;
  std::vector<Contender> contenders;
};

void run(benchmark::State& state, const std::string& name, const NormCase& norm_case,
         Variant variant, const std::string& who, const std::string& pass) {
  static std::unique_ptr<Prepared> prepared;
  if (!prepared || prepared->name != name) {
    prepared.reset();
    prepared = std::make_unique<Prepared>(name, norm_case, variant);
  }
  for (const Contender& contender : prepared->contenders) {
    if (contender.who != who || contender.pass != pass) continue;
    std::size_t set = 0;
    for ([[maybe_unused]] auto _ : state) {
      contender.run(set);
      set = (set + 1) % prepared->sets.size();
    }
  }
  const std::int64_t tensors = pass == "forward_backward" ? 5 : pass == "backward" ? 3 : 2;
  const auto bytes = static_cast<std::int64_t>(prepared->sets.tensor_bytes(variant.dtype));
  state.SetBytesProcessed(state.iterations() * tensors * bytes);
}

void add(const NormCase& norm_case, const std::string& network, Variant variant) {
  const std::string name = fmt::format("{}/{}/{}/{}/{}", to_string(norm_case.normalization),
                                       network, fmt::join(norm_case.shape.dimensions(), "x"),
                                       to_string(variant.layout), to_string(variant.dtype));
  struct What {
    const char* who;
    const char* pass;
  };
  std::vector<What> measured = {{"ours", "forward_backward"}, {"copy", "copy"}};
  if (norm_case.normalization == Normalization::kBatch) {
    measured = {{"ours", "forward"}, {"ours", "backward"}, {"copy", "copy"}};
  }
  for (const What& what : measured) {
    benchmark::RegisterBenchmark(
        (name + "/" + what.pass).c_str(),
        [=](benchmark::State& state) { run(state, name, norm_case, variant, what.who, what.pass); })
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  }
}

void add_all(Normalization normalization, const std::string& network) {
  const bool is_batch = normalization == Normalization::kBatch;
  std::vector<Layout> layouts = {Layout::kChannelsFirst};
  if (normalization != Normalization::kLayer) {
    layouts = {Layout::kChannelsFirst, Layout::kChannelsLast, Layout::kBlocked8,
               Layout::kBlocked16};
  }
  const Shapes shapes = read_shapes(network);
  for (const std::int64_t samples : shapes.samples) {
    for (const std::vector<std::int64_t>& d : shapes.dimensions) {
      const Shape shape = normalization == Normalization::kLayer
                              ? Shape{samples * d.at(0), d.at(1)}
                              : Shape{samples, d.at(0), d.at(1), d.at(2)};
      const NormCase norm_case{.normalization = normalization,
                               .shape = shape,
                               .activation = is_batch ? Activation::kRelu : Activation::kNone};
      for (const DType dtype : {DType::kF32, DType::kBF16}) {
        for (const Layout layout : layouts)
          add(norm_case, network, {.layout = layout, .dtype = dtype});
      }
    }
  }
}

}  // namespace
}  // namespace equipoise::bench

int main(int argc, char** argv) {
  using equipoise::bench::Normalization;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  try {
    equipoise::bench::add_all(Normalization::kBatch, "resnet50");
    equipoise::bench::add_all(Normalization::kBatch, "efficientnet_b0");
    equipoise::bench::add_all(Normalization::kLayer, "vit_b16");
    equipoise::bench::add_all(Normalization::kLayer, "bert_base");
    equipoise::bench::add_all(Normalization::kGroup, "resnet50");
    equipoise::bench::add_all(Normalization::kInstance, "resnet50");
    benchmark::RunSpecifiedBenchmarks();
  } catch (const std::exception& e) {
    fmt::print(stderr, "norm_bench: {}\n", e.what());
    return 1;
  }
  return 0;
}
