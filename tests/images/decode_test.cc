#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "base/temporary_folder.h"
#include "equipoise/image.h"

namespace equipoise::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Image decode(const std::string& text, const DecodeOptions& options = {}) {
  return decode_image({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, options);
}

std::string decode_error(const std::string& text, const DecodeOptions& options = {}) {
  return error_of([&] { static_cast<void>(decode(text, options)); });
}

TEST(DecodeImage, ReadsPnmByHand) {
  const Image image = decode("P2 # a comment\n2 2\n4\n0 1\n2 4");
  EXPECT_EQ(image.width, 2);
  EXPECT_EQ(image.channels, 1);
  EXPECT_THAT(image.pixels, ElementsAre(0, 64, 128, 255));
  EXPECT_THAT(decode("P1\n3 1\n010").pixels, ElementsAre(255, 0, 255));
}

TEST(DecodeImage, SaysWhatAFileIs) {
  EXPECT_THAT(decode_error(""), HasSubstr("empty"));
  EXPECT_THAT(decode_error("hello"), HasSubstr("no image in a format that is known"));
  EXPECT_THAT(decode_error("GIF89a..."), AllOf(HasSubstr("GIF"), HasSubstr("convert it")));
  EXPECT_THAT(decode_error("\xFF\xD8\xFF"), AllOf(HasSubstr("(JPEG)"), HasSubstr("cut off")));
  EXPECT_THAT(decode_error("P5 2 2 255 abc"), HasSubstr("(PNM): it is cut off"));
  EXPECT_THAT(decode_error("P2 1 1 9 10 "), HasSubstr("value 10, beyond 9"));
  EXPECT_THAT(decode_error("P2 99999999999 1 9 10 "), HasSubstr("a number in it"));
}

TEST(DecodeImage, ClaimsOfSizeCostNothing) {
  EXPECT_THAT(decode_error("P5 100000 100000 255\n"), HasSubstr("100000 × 100000 pixels"));
  EXPECT_THAT(decode_error("P5 10000 10000 255\n"), HasSubstr("cut off"));
  EXPECT_THAT(decode_error("P5 0 5 255\n"), HasSubstr("none"));
}

TEST(DecodeImage, OptionsOutOfRangeAreAnError) {
  EXPECT_THAT(decode_error("P1 1 1 0", {.shorter_side = -1}), HasSubstr("shorter_side -1"));
  EXPECT_THAT(decode_error("P1 1 1 0", {.max_pixels = 0}), HasSubstr("max_pixels 0"));
}

class ReadImage : public TemporaryFolder {
 protected:
  std::string write(const std::string& name, const std::string& text) const {
    TemporaryFolder::write(folder_ / name, text);
    return (folder_ / name).string();
  }
  static std::string read_error(const std::string& path) {
    return error_of([&] { static_cast<void>(read_image(path)); });
  }
};

TEST_F(ReadImage, GoesByContentNotByName) {
  EXPECT_THAT(read_image(write("picture.jpg", "P5 2 1 255 ab")).pixels, ElementsAre('a', 'b'));
}

TEST_F(ReadImage, ErrorsNameTheFile) {
  const std::string cut = write("cut.pgm", "P5 2 2 255 a");
  EXPECT_THAT(read_error(cut), AllOf(HasSubstr(cut), HasSubstr("cut off")));
  EXPECT_THAT(read_error(write("empty.png", "")),
              AllOf(HasSubstr("empty.png"), HasSubstr("empty")));
  EXPECT_THAT(read_error("nowhere/a.png"), HasSubstr("cannot open 'nowhere/a.png'"));
  EXPECT_THAT(read_error(folder_.string()), HasSubstr("cannot open"));
  EXPECT_THAT(read_error("/dev/null"), HasSubstr("empty"));
}

}  // namespace
}  // namespace equipoise::testing
