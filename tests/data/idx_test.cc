#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "data/folder_test.h"
#include "equipoise/data.h"
#include "norm/error_message.h"

namespace equipoise::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Idx : public FolderTest {
 protected:
  static std::string error_of(const std::filesystem::path& path) {
    return message_of([&] { static_cast<void>(read_idx(path)); });
  }
};

const std::string kTwoByThree(
    "\0\0\x08\x02\0\0\0\x02\0\0\0\x03"
    "abcdef",
    18);

TEST_F(Idx, ReadsShapeAndValues) {
  const ByteTensor tensor = read_idx(write("file", kTwoByThree));
  EXPECT_EQ(tensor.shape, (Shape{2, 3}));
  EXPECT_THAT(tensor.values, ElementsAre('a', 'b', 'c', 'd', 'e', 'f'));
}

TEST_F(Idx, ReadsCompressedFiles) {
  const std::filesystem::path path = write_compressed("file.gz", kTwoByThree);
  EXPECT_EQ(read_idx(path).shape, (Shape{2, 3}));

  // Behind the values the file has a checksum and a size of 4 bytes each.
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 9);
  EXPECT_THAT(error_of(path), HasSubstr("compressed data is cut off"));
}

TEST_F(Idx, FilesThatDoNotHoldTogetherAreErrors) {
  EXPECT_THAT(error_of(folder_ / "absent"), HasSubstr("cannot open"));
  EXPECT_THAT(error_of(write("file", "")), HasSubstr("no IDX file"));
  EXPECT_THAT(error_of(write("file", "<html></html>")), HasSubstr("no IDX file"));
  EXPECT_THAT(error_of(write("file", std::string("\0\0\x0D\x01\0\0\0\0", 8))),
              HasSubstr("type 0x0d"));
  EXPECT_THAT(error_of(write("file", std::string("\0\0\x08\x09", 4))), HasSubstr("9 dimensions"));
  EXPECT_THAT(error_of(write("file", kTwoByThree.substr(0, 10))),
              HasSubstr("within its dimensions"));
  EXPECT_THAT(error_of(write("file", kTwoByThree.substr(0, 16))), HasSubstr("after 4 of 6 values"));
  EXPECT_THAT(error_of(write("file", kTwoByThree + "g")), HasSubstr("goes on behind"));
  // 2^96 and 2^48 values.
  EXPECT_THAT(error_of(write("file", std::string("\0\0\x08\x03", 4) + std::string(12, '\xFF'))),
              HasSubstr("more elements"));
  EXPECT_THAT(error_of(write("file", std::string("\0\0\x08\x02\0\xFF\xFF\xFF\0\xFF\xFF\xFF", 12))),
              HasSubstr("more than fit the memory"));
}

TEST_F(Idx, AlteredFilesAreReadOrRefused) {
  for (std::uint64_t i = 0; i < 2000; ++i) {
    std::string bytes = kTwoByThree;
    const auto words = philox(7, i);
    bytes[words[0] % bytes.size()] = static_cast<char>(words[1]);
    bytes.resize(words[2] % (bytes.size() + 1));
    static_cast<void>(error_of(write("file", bytes)));
  }
}

}  // namespace
}  // namespace equipoise::testing
