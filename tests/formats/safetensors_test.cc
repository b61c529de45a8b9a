#include "formats/safetensors.h"

#include <cmath>
#include <cstring>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "equipoise/error.h"

namespace equipoise::testing {
namespace {

using formats::Safetensors;
using formats::StoredType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::byte> file(const std::string& header, std::size_t elements) {
  const std::uint64_t length = header.size();
  std::vector<std::byte> bytes(8 + header.size() + elements);
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  return bytes;
}

std::string error_of(std::span<const std::byte> bytes) {
  try {
    formats::parse_safetensors(bytes, "FILE");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::string error_of(const std::string& header, std::size_t elements) {
  return error_of(file(header, elements));
}

/// As `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`.
std::string tensor(const std::string& name, const std::string& type, const std::string& shape,
                   const std::string& places) {
  return "\"" + name + R"(":{"dtype":")" + type + R"(","shape":[)" + shape +
         R"(],"data_offsets":[)" + places + "]}";
}

TEST(Safetensors, ComeBackAsTheyWere) {
  const std::vector<float> a = {1, 2, 3, 4, 5, 6};
  const std::vector<std::int64_t> b = {-1};
  const auto bytes = formats::write_safetensors(
      {.tensors = {{.name = "a", .shape = {2, 3}, .bytes = std::as_bytes(std::span(a))},
                   {.name = "b \"ä\"",
                    .type = StoredType::kI64,
                    .shape = {},
                    .bytes = std::as_bytes(std::span(b))}},
       .metadata = {{"format", "pt"}}});
  const Safetensors read = formats::parse_safetensors(bytes, "FILE");
  EXPECT_THAT(read.metadata, ElementsAre(std::pair("format", "pt")));
  ASSERT_EQ(read.tensors.size(), 2U);
  EXPECT_EQ(read.tensors[0].name, "a");
  EXPECT_THAT(read.tensors[0].shape, ElementsAre(2, 3));
  EXPECT_EQ(formats::to_f32(read.tensors[0]), a);
  EXPECT_EQ(read.tensors[1].name, "b \"ä\"");
  EXPECT_THAT(formats::to_f32(read.tensors[1]), ElementsAre(-1.0F));
}

TEST(Safetensors, ElementsBeginAtAMultipleOf8) {
  const std::vector<float> a = {1};
  for (const char* name : {"a", "ab", "abc", "abcd", "abcde"}) {
    const auto bytes = formats::write_safetensors(
        {.tensors = {{.name = name, .shape = {1}, .bytes = std::as_bytes(std::span(a))}}});
    EXPECT_EQ((bytes.size() - 4) % 8, 0U);
  }
}

TEST(Safetensors, MayBeEmpty) {
  EXPECT_TRUE(formats::parse_safetensors(file("{}", 0), "FILE").tensors.empty());
  EXPECT_TRUE(formats::parse_safetensors(formats::write_safetensors({}), "FILE").tensors.empty());
}

TEST(Safetensors, ComeInTheOrderOfTheirElements) {
  const auto bytes =
      file("{" + tensor("late", "U8", "2", "1,3") + "," + tensor("none", "U8", "0", "1,1") + "," +
               tensor("early", "U8", "1", "0,1") + "}",
           3);
  const Safetensors read = formats::parse_safetensors(bytes, "FILE");
  ASSERT_EQ(read.tensors.size(), 3U);
  EXPECT_EQ(read.tensors[0].name, "early");
  EXPECT_EQ(read.tensors[1].name, "none");
  EXPECT_EQ(read.tensors[2].name, "late");
}

TEST(Safetensors, AllTypesBecomeF32) {
  const auto check = [](const char* type, const auto& stored, const std::vector<float>& expected) {
    const auto elements = std::as_bytes(std::span(stored));
    auto bytes = file("{" +
                          tensor("a", type, std::to_string(expected.size()),
                                 "0," + std::to_string(elements.size())) +
                          "}",
                      elements.size());
    std::ranges::copy(elements, bytes.end() - static_cast<std::ptrdiff_t>(elements.size()));
    const Safetensors read = formats::parse_safetensors(bytes, "FILE");
    EXPECT_EQ(formats::to_f32(read.tensors.at(0)), expected) << type;
  };
  check("F64", std::vector{0.5, -1e300}, {0.5F, -INFINITY});
  check("F32", std::vector{0.5F, 1e-42F}, {0.5F, 1e-42F});
  check("BF16", std::vector<std::uint16_t>{0x3F80, 0xC000}, {1, -2});
  check("I64", std::vector<std::int64_t>{-3, 16777217}, {-3, 16777216});
  check("I32", std::vector<std::int32_t>{-3}, {-3});
  check("U8", std::vector<std::uint8_t>{255}, {255});
  // 1, the greatest, the least normal, the least, −0, infinity.
  check("F16", std::vector<std::uint16_t>{0x3C00, 0x7BFF, 0x0400, 0x0001, 0x8000, 0xFC00},
        {1, 65504, 0x1p-14F, 0x1p-24F, -0.0F, -INFINITY});
}

TEST(Safetensors, HalfNotANumberStaysOne) {
  auto bytes = file("{" + tensor("a", "F16", "1", "0,2") + "}", 2);
  bytes[bytes.size() - 2] = std::byte{1};
  bytes[bytes.size() - 1] = std::byte{0x7C};
  EXPECT_TRUE(std::isnan(formats::to_f32(formats::parse_safetensors(bytes, "").tensors[0])[0]));
}

TEST(Safetensors, HeadersThatDoNotHoldTogetherAreErrors) {
  EXPECT_THAT(error_of({}), HasSubstr("'FILE': it is shorter"));
  std::vector<std::byte> cut = file("{}", 0);
  cut.pop_back();
  EXPECT_THAT(error_of(cut), HasSubstr("within its header"));
  EXPECT_THAT(error_of(std::vector<std::byte>(20, std::byte{0xFF})), HasSubstr("no safetensors"));
  EXPECT_THAT(error_of("", 0), HasSubstr("no JSON"));
  EXPECT_THAT(error_of("[]", 0), HasSubstr("a list"));
  EXPECT_THAT(error_of("{} x", 0), HasSubstr("no JSON"));
  EXPECT_THAT(error_of("1", 0), HasSubstr("not an object"));
  EXPECT_THAT(error_of(R"({"a":1})", 0), HasSubstr("'a'"));
  EXPECT_THAT(error_of(R"({"a":{}})", 0), HasSubstr("lacks"));
  EXPECT_THAT(error_of(R"({"a":{"dtype":{}}})", 0), HasSubstr("an object"));
  EXPECT_THAT(error_of(R"({"a":{"x":1}})", 0), HasSubstr("unknown 'x'"));
  EXPECT_THAT(error_of(R"({"a":{"shape":[[]]}})", 0), HasSubstr("a list"));
  EXPECT_THAT(error_of(R"({"a":{"shape":[-1]}})", 0), HasSubstr("negative"));
  EXPECT_THAT(error_of(R"({"a":{"shape":[0.5]}})", 0), HasSubstr("fraction"));
  EXPECT_THAT(error_of(R"({"a":{"shape":[18446744073709551615]}})", 0), HasSubstr("holds"));
  EXPECT_THAT(error_of(R"({"__metadata__":{"a":1}})", 0), HasSubstr("a number"));
  EXPECT_THAT(error_of(R"({"__metadata__":{"a":"","a":""}})", 0), HasSubstr("'a' comes twice"));
  EXPECT_THAT(error_of("{" + tensor("a", "F8", "1", "0,1") + "}", 1), HasSubstr("type 'F8'"));
  const std::string a = tensor("a", "U8", "1", "0,1");
  EXPECT_THAT(error_of("{" + a + "," + a + "}", 1), HasSubstr("'a' comes twice"));
}

TEST(Safetensors, ElementsThatDoNotFitAreErrors) {
  const auto of = [](const std::string& tensors, std::size_t elements) {
    return error_of("{" + tensors + "}", elements);
  };
  EXPECT_THAT(of(tensor("a", "F32", "1", "0,4"), 3), HasSubstr("bytes 0 to 4 of 3"));
  EXPECT_THAT(of(tensor("a", "F32", "1", "4,0"), 4), HasSubstr("bytes 4 to 0"));
  EXPECT_THAT(of(tensor("a", "F32", "2", "0,4"), 4), HasSubstr("in place of 8"));
  EXPECT_THAT(of(tensor("a", "F32", "4611686018427387904,4", "0,0"), 0), HasSubstr("counted"));
  EXPECT_THAT(of(tensor("a", "U8", "1", "0,1"), 2), HasSubstr("2 are there"));
  EXPECT_THAT(of(tensor("a", "U8", "1", "1,2"), 2), HasSubstr("begins at byte 1"));
  EXPECT_THAT(of(tensor("a", "U8", "2", "0,2") + "," + tensor("b", "U8", "2", "1,3"), 3),
              HasSubstr("the one before ends at 2"));
  EXPECT_THAT(of(tensor("a", "U8", "1", "0,1,2"), 1), HasSubstr("not two"));
}

TEST(Safetensors, NestedBracketsTakeNoMemory) {
  EXPECT_THAT(error_of(std::string(10'000'000, '['), 0), HasSubstr("a list"));
}

TEST(Safetensors, TwoTensorsCannotHaveOneName) {
  Safetensors content{.tensors = {{.name = "a", .shape = {0}}, {.name = "a", .shape = {0}}}};
  EXPECT_THROW(static_cast<void>(formats::write_safetensors(content)), Error);
  content.tensors = {{.name = "__metadata__", .shape = {0}}};
  EXPECT_THROW(static_cast<void>(formats::write_safetensors(content)), Error);
  content.tensors = {{.name = "a", .shape = {1}}};
  EXPECT_THROW(static_cast<void>(formats::write_safetensors(content)), Error);
}

TEST(Safetensors, AlteredFilesAreReadOrRefused) {
  const std::vector<float> a = {1, 2, 3};
  const auto good = formats::write_safetensors(
      {.tensors = {{.name = "a", .shape = {3}, .bytes = std::as_bytes(std::span(a))},
                   {.name = "b", .shape = {1, 2}, .bytes = std::as_bytes(std::span(a)).first(8)}},
       .metadata = {{"k", "v"}}});
  for (std::uint64_t i = 0; i < 20000; ++i) {
    std::vector<std::byte> bytes = good;
    const auto words = philox(11, i);
    bytes[words[0] % bytes.size()] = static_cast<std::byte>(words[1]);
    if (words[3] % 4 == 0) bytes.resize(words[2] % (bytes.size() + 1));
    static_cast<void>(error_of(bytes));
  }
}

}  // namespace
}  // namespace equipoise::testing
