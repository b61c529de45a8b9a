#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "equipoise/error.h"
#include "equipoise/run.h"

namespace equipoise::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string error_of(std::string_view text) {
  try {
    static_cast<void>(parse_settings(text, "FILE"));
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Settings, AreReadAsTomlHasThem) {
  const std::vector<Setting> settings = parse_settings(
      "# a comment\r\n"
      "epochs = 30  # another\n"
      "\n"
      "  lr=1e-3\n"
      "data = \"a # b \\\"c\\\" \\\\ \\u0041\"\n"
      "plain = 'C:\\x'\n"
      "nesterov = true\n"
      "hidden = [ 256, # first\n  128,\n]\n"
      "none = []\n"
      "last = -0.5",
      "FILE");
  ASSERT_EQ(settings.size(), 8U);
  EXPECT_EQ(settings[0].key, "epochs");
  EXPECT_EQ(settings[0].line, 2);
  EXPECT_THAT(settings[0].values, ElementsAre("30"));
  EXPECT_THAT(settings[1].values, ElementsAre("1e-3"));
  EXPECT_THAT(settings[2].values, ElementsAre("a # b \"c\" \\ A"));
  EXPECT_THAT(settings[3].values, ElementsAre("C:\\x"));
  EXPECT_THAT(settings[4].values, ElementsAre("true"));
  EXPECT_THAT(settings[5].values, ElementsAre("256", "128"));
  EXPECT_TRUE(settings[6].values.empty());
  EXPECT_THAT(settings[7].values, ElementsAre("-0.5"));
  EXPECT_EQ(settings[7].line, 12);
}

TEST(Settings, AreReadAsOtherProgramsWriteThem) {
  const std::vector<Setting> settings = parse_settings(
      "\xEF\xBB\xBF"
      "epochs = +1_000\n"
      "lr = [+1_0.2_5e+1_0, -3]\n"
      "data = \"\\u00E4\\u20ac \\U0001F431\\r\\b\\f\"",
      "FILE");
  ASSERT_EQ(settings.size(), 3U);
  EXPECT_EQ(settings[0].key, "epochs");
  EXPECT_THAT(settings[0].values, ElementsAre("1000"));
  EXPECT_THAT(settings[1].values, ElementsAre("10.25e+10", "-3"));
  EXPECT_THAT(settings[2].values, ElementsAre("ä€ 🐱\r\b\f"));
}

TEST(Settings, ComeBackAsTheyWere) {
  for (const std::vector<std::string>& values :
       std::vector<std::vector<std::string>>{{"0.1"},
                                             {".5"},
                                             {"007"},
                                             {"a"},
                                             {"a", "b c"},
                                             {},
                                             {""},
                                             {"true"},
                                             {"1e"},
                                             {"\n\t\x7F\x01"},
                                             {"a \"quoted\" \\ 'text' # ä"},
                                             {"1.", "-"},
                                             {"inf"},
                                             {"+1", "1_000"},
                                             {"[x]", ","}}) {
    const Setting setting{.key = "key", .values = values};
    const std::vector<Setting> read = parse_settings(to_text(setting), "FILE");
    ASSERT_EQ(read.size(), 1U) << to_text(setting);
    EXPECT_EQ(read[0].values, values) << to_text(setting);
  }
}

TEST(Settings, OtherLinesAreErrorsWithTheirPlace) {
  EXPECT_THAT(error_of("a = 1\nb\n"), HasSubstr("'FILE', line 2: 'b' is not followed by '='"));
  EXPECT_THAT(error_of("[train]\n"), HasSubstr("line 1: it has a section"));
  EXPECT_THAT(error_of("= 1"), HasSubstr("key = value"));
  EXPECT_THAT(error_of("a = b"), HasSubstr("'b' is no number"));
  EXPECT_THAT(error_of("a = "), HasSubstr("'' is no number"));
  EXPECT_THAT(error_of("a = 1 2"), HasSubstr("more behind"));
  EXPECT_THAT(error_of("a = \"b"), HasSubstr("no end"));
  EXPECT_THAT(error_of("a = \"b\n\""), HasSubstr("no end"));
  EXPECT_THAT(error_of("a = 'b"), HasSubstr("no end"));
  EXPECT_THAT(error_of("a = \"\\x\""), HasSubstr("behind a '\\'"));
  for (const char* character :
       {"u00", "u00\"", "uD800", "uDFFF", "u-001", "U00110000", "U0000004"}) {
    EXPECT_THAT(error_of(fmt::format("a = \"\\{}\"", character)), HasSubstr("hexadecimal digits"));
  }
  for (const char* number :
       {"+", "++1", "+-1", "1+1", "_1", "1_", "1__0", "+_1", "1_.5", "+true"}) {
    EXPECT_THAT(error_of(fmt::format("a = {}", number)), HasSubstr("is no number")) << number;
  }
  EXPECT_THAT(error_of("a = [1 2]"), HasSubstr("separated by ','"));
  EXPECT_THAT(error_of("a = [1,\n"), HasSubstr("line 2"));
  EXPECT_THAT(error_of("a = 1\na = 2"), HasSubstr("line 2: 'a' is set a second time"));
}

TEST(Settings, UnknownKeysAreErrorsWithTheNearest) {
  const std::vector<std::string_view> keys = {"epochs", "lr"};
  const std::vector<Setting> settings = {{.key = "lr", .values = {"1"}, .line = 1},
                                         {.key = "epoch", .values = {"1"}, .line = 2}};
  check_keys(std::span(settings).first(1), keys, "FILE");
  try {
    check_keys(settings, keys, "FILE");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "'FILE', line 2: there is no setting 'epoch'; did you mean 'epochs'?");
  }
}

TEST(Settings, AlteredTextsAreReadOrRefused) {
  const std::string good = "a = 1\nb = [\"x\\u0041\", 'y', 3] # c\nd = false\n";
  for (std::uint64_t i = 0; i < 20000; ++i) {
    std::string text = good;
    const auto words = philox(5, i);
    text[words[0] % text.size()] = static_cast<char>(words[1]);
    text.resize(words[2] % (text.size() + 1));
    static_cast<void>(error_of(text));
  }
}

}  // namespace
}  // namespace equipoise::testing
