#include "run/checkpoint.h"

#include <cmath>
#include <cstring>
#include <limits>

#include <gmock/gmock.h>

#include "base/error_of.h"
#include "base/temporary_folder.h"

namespace equipoise::testing {
namespace {

using ::testing::HasSubstr;

class CheckpointFile : public TemporaryFolder {
 protected:
  std::vector<std::byte> bytes(const std::map<std::string, std::string>& facts = {},
                               std::optional<double> score = std::nullopt) const {
    const std::vector<CheckpointView> tensors = {
        {.name = "fc.weight", .shape = {2, 3}, .values = std::span(weight_)},
        {.name = "bn.num_batches_tracked", .shape = {}, .values = std::span(tracked_)},
        {.name = "none", .shape = {0, 4}, .values = std::span<const float>()}};
    return run::write_checkpoint(1234, tensors, facts, score);
  }

  static std::string refusal(std::span<const std::byte> file) {
    return error_of([&] { run::parse_checkpoint(file, "FILE"); });
  }

  std::vector<float> weight_ = {1, -2, 0.1F, 1e-42F, 1e38F, -0.0F};
  std::vector<std::int64_t> tracked_ = {1LL << 40};
};

TEST_F(CheckpointFile, ComesBackBitForBit) {
  const std::map<std::string, std::string> facts = {{"position", R"({"epoch": 3, "checksum":"})"},
                                                    {"config", "ä\n\"\\"}};
  const run::ScoredCheckpoint read = run::parse_checkpoint(bytes(facts, 0.1), "FILE");
  EXPECT_EQ(read.checkpoint.step, 1234);
  EXPECT_EQ(read.checkpoint.facts, facts);
  EXPECT_EQ(read.score, 0.1);
  ASSERT_EQ(read.checkpoint.tensors.size(), 3U);
  for (const CheckpointTensor& tensor : read.checkpoint.tensors) {
    if (tensor.name == "fc.weight") {
      EXPECT_EQ(tensor.shape, (Shape{2, 3}));
      const auto& values = std::get<std::vector<float>>(tensor.values);
      ASSERT_EQ(values.size(), weight_.size());
      EXPECT_EQ(std::memcmp(values.data(), weight_.data(), sizeof(float) * values.size()), 0);
    } else if (tensor.name == "none") {
      EXPECT_EQ(tensor.shape, (Shape{0, 4}));
    } else {
      EXPECT_EQ(tensor.name, "bn.num_batches_tracked");
      EXPECT_EQ(std::get<std::vector<std::int64_t>>(tensor.values), tracked_);
    }
  }
}

TEST_F(CheckpointFile, NotANumberComesBackToo) {
  weight_[0] = std::numeric_limits<float>::quiet_NaN();
  const Checkpoint read = run::parse_checkpoint(bytes(), "FILE").checkpoint;
  EXPECT_TRUE(std::isnan(std::get<std::vector<float>>(read.tensors.at(0).values).at(0)));
}

TEST_F(CheckpointFile, EveryChangedBitIsSeen) {
  const std::vector<std::byte> good = bytes({{"position", "3"}}, 0.5);
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::vector<std::byte> bad = good;
      bad[i] ^= std::byte{1} << bit;
      EXPECT_NE(refusal(bad), "no error") << "byte " << i << ", bit " << bit;
    }
  }
}

TEST_F(CheckpointFile, EveryCutIsSeen) {
  const std::vector<std::byte> good = bytes();
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_NE(refusal(std::span(good).first(size)), "no error") << size;
  }
}

TEST_F(CheckpointFile, SaysWhatIsWrongAndWhere) {
  std::vector<std::byte> altered = bytes();
  altered.back() ^= std::byte{1};
  EXPECT_THAT(refusal(altered), HasSubstr("'FILE': it was altered"));
  write(folder_ / "a", "");
  EXPECT_THAT(error_of([&] { static_cast<void>(read_checkpoint(folder_ / "a")); }),
              HasSubstr((folder_ / "a").string()));
}

TEST_F(CheckpointFile, NamesOfItsOwnAreTaken) {
  EXPECT_THAT(error_of([&] { bytes({{"checksum", "x"}}); }), HasSubstr("'checksum'"));
}

}  // namespace
}  // namespace equipoise::testing
