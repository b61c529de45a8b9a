#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "base/random.h"
#include "equipoise/data.h"
#include "equipoise/error.h"

namespace equipoise::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Idx : public ::testing::Test {
 protected:
  Idx() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(::testing::TempDir()) / (std::string("idx_") + test->name());
    std::filesystem::create_directories(folder_);
  }
  ~Idx() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const std::string& bytes, const char* name = "file") const {
    const std::filesystem::path path = folder_ / name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  static std::string error_of(const std::filesystem::path& path) {
    try {
      static_cast<void>(read_idx(path));
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  std::filesystem::path folder_;
};

const std::string kTwoByThree(
    "\0\0\x08\x02\0\0\0\x02\0\0\0\x03"
    "abcdef",
    18);

TEST_F(Idx, ReadsShapeAndValues) {
  const ByteTensor tensor = read_idx(write(kTwoByThree));
  EXPECT_EQ(tensor.shape, (Shape{2, 3}));
  EXPECT_THAT(tensor.values, ElementsAre('a', 'b', 'c', 'd', 'e', 'f'));
}

TEST_F(Idx, ReadsCompressedFiles) {
  const std::filesystem::path path = folder_ / "file.gz";
  const gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, kTwoByThree.data(), static_cast<unsigned>(kTwoByThree.size()));
  gzclose(file);
  EXPECT_EQ(read_idx(path).shape, (Shape{2, 3}));
}

TEST_F(Idx, FilesThatDoNotHoldTogetherAreErrors) {
  EXPECT_THAT(error_of(folder_ / "absent"), HasSubstr("cannot open"));
  EXPECT_THAT(error_of(write("")), HasSubstr("no IDX file"));
  EXPECT_THAT(error_of(write("<html></html>")), HasSubstr("no IDX file"));
  EXPECT_THAT(error_of(write(std::string("\0\0\x0D\x01\0\0\0\0", 8))), HasSubstr("type 0x0d"));
  EXPECT_THAT(error_of(write(std::string("\0\0\x08\x09", 4))), HasSubstr("9 dimensions"));
  EXPECT_THAT(error_of(write(kTwoByThree.substr(0, 10))), HasSubstr("within its dimensions"));
  EXPECT_THAT(error_of(write(kTwoByThree.substr(0, 16))), HasSubstr("after 4 of 6 values"));
  EXPECT_THAT(error_of(write(kTwoByThree + "g")), HasSubstr("goes on behind"));
  // 2^96 and 2^48 values.
  EXPECT_THAT(error_of(write(std::string("\0\0\x08\x03", 4) + std::string(12, '\xFF'))),
              HasSubstr("more elements"));
  EXPECT_THAT(error_of(write(std::string("\0\0\x08\x02\0\xFF\xFF\xFF\0\xFF\xFF\xFF", 12))),
              HasSubstr("more than fit the memory"));
}

TEST_F(Idx, AlteredFilesAreReadOrRefused) {
  for (std::uint64_t i = 0; i < 2000; ++i) {
    std::string bytes = kTwoByThree;
    const auto words = philox(7, i);
    bytes[words[0] % bytes.size()] = static_cast<char>(words[1]);
    bytes.resize(words[2] % (bytes.size() + 1));
    static_cast<void>(error_of(write(bytes)));
  }
}

TEST_F(Idx, LabelsHaveToMatchImages) {
  write(std::string("\0\0\x08\x03\0\0\0\x02\0\0\0\x01\0\0\0\x01xy", 18), "train-images-idx3-ubyte");
  EXPECT_THROW(static_cast<void>(read_idx_images(Split::kTraining, folder_)), Error);
  write(std::string("\0\0\x08\x01\0\0\0\x03\1\2\3", 11), "train-labels-idx1-ubyte");
  EXPECT_THROW(static_cast<void>(read_idx_images(Split::kTraining, folder_)), Error);
  write(std::string("\0\0\x08\x01\0\0\0\x02\1\2", 10), "train-labels-idx1-ubyte");
  const LabelledImages images = read_idx_images(Split::kTraining, folder_);
  EXPECT_EQ(images.shape, (Shape{2, 1, 1, 1}));
  EXPECT_THAT(images.labels, ElementsAre(1, 2));
}

TEST(FashionMnist, IsThatOfItsPaper) {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist")) {
    ASSERT_EQ(std::getenv("EQUIPOISE_REQUIRE_ORACLES"), nullptr);
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  }
  const LabelledImages test = read_idx_images(Split::kTest);
  EXPECT_EQ(test.shape, (Shape{10000, 1, 28, 28}));
  for (std::int32_t label = 0; label < 10; ++label) {
    EXPECT_EQ(std::ranges::count(test.labels, label), 1000) << label;
  }
}

}  // namespace
}  // namespace equipoise::testing
