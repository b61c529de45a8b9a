// Measures normalization beside its peers for a runner (bench/run norm), which decides what and how
// often. One command per line of standard input, one answer per line of standard output, both JSON:
//
//   {"do": "describe"}   what machine and what peers these are
//   {"do": "bandwidth"}  what memory allows
//   {"do": "setup", "normalization", "shape", "groups", "activation",
//    "variants": [{"layout", "dtype"}]}
//                        answers with the contenders, in order
//   {"do": "round", "skip": [indices]}
//                        runs all other contenders once, starting with another one each time;
//                        answers with seconds per call, null for those skipped
//
// A command that fails is answered by {"error": "…"}. Ends with its input.

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <omp.h>

#include "base/cache.h"
#include "equipoise/runtime.h"
#include "norm/contender.h"
#include "norm/roofline.h"

namespace equipoise::bench {
namespace {

using nlohmann::json;

class Rounds {
 public:
  explicit Rounds(int threads) : threads_(threads) {
    set_num_threads(threads);
    omp_set_num_threads(threads);
  }

  json answer(const json& command) {
    const std::string what = command.at("do");
    if (what == "describe") return describe();
    if (what == "bandwidth") return bandwidth();
    if (what == "setup") return setup(command);
    if (what == "round") return round(command.at("skip"));
    throw std::runtime_error("unknown command \"" + what + "\"");
  }

 private:
  json describe() const {
    return {{"threads", threads_},
            {"simd_target", simd_target()},
            {"last_level_cache", cache_sizes().last_level},
            {"onednn", onednn_version().empty() ? json() : json(onednn_version())}};
  }

  json bandwidth() {
    clear();
    json rows = json::array();
    for (const Bandwidth& b : measure_bandwidth(threads_)) {
      rows.push_back({{"threads", b.threads},
                      {"stream_copy", b.stream_copy},
                      {"memcpy", b.memcpy},
                      {"read", b.read},
                      {"stream_fill", b.stream_fill}});
    }
    return {{"bytes_per_second", rows}};
  }

  json setup(const json& command) {
    clear();
    const std::vector<std::int64_t> dimensions = command.at("shape");
    const NormCase norm_case{.normalization = parse_normalization(command.at("normalization")),
                             .shape = Shape(dimensions),
                             .groups = command.value("groups", std::int64_t{32}),
                             .activation = parse_activation(command.at("activation"))};
    std::vector<Variant> variants;
    for (const json& v : command.at("variants")) {
      variants.push_back(
          {.layout = parse_layout(v.at("layout")), .dtype = parse_dtype(v.at("dtype"))});
    }
    sets_ = std::make_unique<RotatedSets>(norm_case.shape, variants);
    contenders_ = all_contenders(norm_case, variants, *sets_, threads_);
    json listed = json::array();
    for (const Contender& c : contenders_) {
      listed.push_back({{"who", c.who},
                        {"pass", c.pass},
                        {"layout", to_string(c.variant.layout)},
                        {"dtype", to_string(c.variant.dtype)},
                        {"implementation", c.implementation}});
    }
    return {{"contenders", listed}, {"sets", sets_->size()}};
  }

  json round(const std::vector<std::size_t>& skip) {
    json times = json::array();
    for (std::size_t i = 0; i < contenders_.size(); ++i) times.push_back(nullptr);
    for (std::size_t i = 0; i < contenders_.size(); ++i) {
      const std::size_t k = (i + first_) % contenders_.size();
      if (std::ranges::find(skip, k) != skip.end()) continue;
      times[k] = measure(contenders_[k], *sets_, threads_, &cursor_);
    }
    ++first_;
    return {{"seconds", times}};
  }

  void clear() {
    contenders_.clear();
    sets_.reset();
    cursor_ = 0;
    first_ = 0;
  }

  int threads_;
  std::unique_ptr<RotatedSets> sets_;
  std::vector<Contender> contenders_;
  std::size_t cursor_ = 0;
  std::size_t first_ = 0;
};

int run(int threads) {
  Rounds rounds(threads);
  for (std::string line; std::getline(std::cin, line);) {
    json answer;
    try {
      answer = rounds.answer(json::parse(line));
    } catch (const std::exception& e) {
      answer = {{"error", e.what()}};
    }
    std::cout << answer.dump() << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace equipoise::bench

int main(int argc, char** argv) {
  const int threads = argc == 2 ? std::atoi(argv[1]) : 0;
  if (threads < 1) {
    std::cerr
        << "usage: norm_rounds THREADS  (commands on standard input; bench/run norm drives it)\n";
    return 2;
  }
  try {
    return equipoise::bench::run(threads);
  } catch (const std::exception& e) {
    std::cerr << "norm_rounds: " << e.what() << '\n';
    return 1;
  }
}
