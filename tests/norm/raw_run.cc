#include "norm/raw_run.h"

#include <algorithm>
#include <cstring>

#include <gtest/gtest.h>

#include "base/cache.h"
#include "equipoise/runtime.h"

namespace equipoise::testing {
namespace {

/// Values in ±4 with a mean that depends on the place, so that merging has something to do.
std::vector<std::byte> random_values(const Case& test, DType dtype, std::uint64_t seed) {
  const std::int64_t count = storage_elements(test.shape, test.layout);
  std::vector<std::byte> bytes(static_cast<std::size_t>(count) * size_of(dtype));
  std::uint64_t state = seed * 0x9E3779B97F4A7C15U + 1;
  for (std::int64_t i = 0; i < count; ++i) {
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    const float noise = static_cast<float>(state >> 40U) * 0x1p-23F - 1;
    const float value = 3 * noise + static_cast<float>(i % 1000) * 1e-3F;
    std::byte* at = bytes.data() + static_cast<std::size_t>(i) * size_of(dtype);
    const BFloat16 half(value);
    std::memcpy(at, dtype == DType::kF32 ? static_cast<const void*>(&value) : &half,
                size_of(dtype));
  }
  return bytes;
}

/// libstdc++ 12 compares std::byte one by one; memcmp is several times as fast.
bool same(const std::vector<std::byte>& a, const std::vector<std::byte>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

template <class T>
std::vector<std::byte> bytes_of(std::span<const T> values) {
  const auto bytes = std::as_bytes(values);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

RawRun::RawRun(const Case& test)
    : test_(test),
      x_(random_values(test, test.dtype, 1)),
      residual_(test.residual ? random_values(test, test.dtype, 2) : Bytes()),
      dy_(random_values(test, test.dtype, 3)) {
  // Parameters as those of the same case with one sample and one position.
  const std::int64_t parameters = parameter_count(test);
  Case small = test;
  small.shape = {2, test.shape.channels(), 2};
  small.method = {.statistics = test.method.statistics, .renorm = test.method.renorm};
  problem_ = make_problem(small);
  problem_.weight.resize(static_cast<std::size_t>(parameters), 1.25F);
  problem_.bias.resize(static_cast<std::size_t>(parameters), 0.5F);
  problem_.position_weights.clear();
  if (test.weighting != Weighting::kNone && !test.method.is_row_wise()) {
    for (std::int64_t i = 0; i < test.shape.samples() * test.shape.positions(); ++i) {
      problem_.position_weights.push_back(static_cast<float>(i % 7 % 3) * 0.75F);
    }
  }
}

TensorView RawRun::view(Bytes& bytes, DType dtype) const {
  return {bytes.data(), test_.shape, test_.layout, dtype};
}

Bits RawRun::run(int threads, bool sample_moments, Bits bits) {
  set_num_threads(threads);
  bits.y.assign(x_.size(), {});
  bits.repeated_y.assign(x_.size(), {});
  bits.dx.assign(dy_.size(), {});
  bits.dresidual.assign(residual_.size(), {});
  const auto parameters = static_cast<std::size_t>(parameter_count(test_));
  std::vector<float> dweight(parameters);
  std::vector<float> dbias(parameters);
  std::vector<Moments> moments_per_channel;
  if (sample_moments) {
    moments_per_channel.resize(
        static_cast<std::size_t>(test_.shape.samples() * test_.shape.channels()));
  }
  const ConstTensorView residual =
      test_.residual ? view(residual_, test_.dtype) : ConstTensorView{};
  NormRecord record;
  call_forward(test_.method, problem_,
               {.x = view(x_, test_.dtype),
                .y = view(bits.y, test_.dtype),
                .weight = problem_.weight,
                .bias = problem_.bias,
                .epsilon = test_.epsilon,
                .activation = test_.activation,
                .negative_slope = 0.2F,
                .residual = residual,
                .position_weights = problem_.position_weights,
                .sample_moments = moments_per_channel,
                .workspace = nullptr},
               &record);
  norm_repeat({.x = view(x_, test_.dtype),
               .y = view(bits.repeated_y, test_.dtype),
               .weight = problem_.weight,
               .bias = problem_.bias,
               .residual = residual},
              record);
  norm_backward({.x = view(x_, test_.dtype),
                 .dy = view(dy_, test_.dtype),
                 .dy_second = {},
                 .dx = view(bits.dx, test_.dtype),
                 .dresidual = test_.residual ? view(bits.dresidual, test_.dtype) : TensorView{},
                 .residual = residual,
                 .weight = problem_.weight,
                 .bias = problem_.bias,
                 .position_weights = problem_.position_weights,
                 .dweight = dweight,
                 .dbias = dbias,
                 .workspace = nullptr},
                record);
  bits.dweight = bytes_of<float>(dweight);
  bits.dbias = bytes_of<float>(dbias);
  bits.statistics = bytes_of<double>(record.mean());
  const auto rstd = bytes_of<double>(record.rstd());
  bits.statistics.insert(bits.statistics.end(), rstd.begin(), rstd.end());
  bits.moments = bytes_of<Moments>(record.moments());
  bits.sample_moments = bytes_of<Moments>(moments_per_channel);
  return bits;
}

std::int64_t samples_beyond_cache(std::int64_t elements_per_sample, DType dtype) {
  constexpr std::int64_t kMost = 96 << 20;
  const std::int64_t bytes = std::min(cache_sizes().last_level / 4 * 5, kMost);
  const auto per_sample = elements_per_sample * static_cast<std::int64_t>(size_of(dtype));
  return bytes / per_sample + 1;
}

void expect_same_bits(const Bits& actual, const Bits& expected) {
  EXPECT_TRUE(same(actual.y, expected.y)) << "y";
  EXPECT_TRUE(same(actual.repeated_y, expected.y)) << "y by norm_repeat";
  EXPECT_TRUE(same(actual.dx, expected.dx)) << "dx";
  EXPECT_TRUE(same(actual.dresidual, expected.dresidual)) << "dresidual";
  EXPECT_TRUE(same(actual.dweight, expected.dweight)) << "dweight";
  EXPECT_TRUE(same(actual.dbias, expected.dbias)) << "dbias";
  EXPECT_TRUE(same(actual.statistics, expected.statistics)) << "mean and rstd";
  EXPECT_TRUE(same(actual.moments, expected.moments)) << "moments";
  if (!actual.sample_moments.empty() && !expected.sample_moments.empty()) {
    EXPECT_TRUE(same(actual.sample_moments, expected.sample_moments)) << "sample moments";
  }
}

}  // namespace equipoise::testing
