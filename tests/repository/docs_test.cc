// The code on the pages of docs/ is taken from the examples, which are compiled and run.

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace equipoise {
namespace {

const std::filesystem::path kSource = EQUIPOISE_SOURCE_DIR;

std::string contents_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::vector<std::string> code_blocks_of(const std::string& markdown) {
  const std::string opening = "```cpp\n";
  const std::string closing = "```";
  std::vector<std::string> blocks;
  for (std::size_t at = markdown.find(opening); at != std::string::npos;
       at = markdown.find(opening, at)) {
    at += opening.size();
    const std::size_t end = markdown.find(closing, at);
    blocks.push_back(markdown.substr(at, end - at));
    at = end;
  }
  return blocks;
}

class PageOfDocs : public ::testing::TestWithParam<const char*> {};

TEST_P(PageOfDocs, TakesItsCodeFromTheExamples) {
  std::string examples;
  for (const auto& file : std::filesystem::directory_iterator(kSource / "examples")) {
    if (file.path().extension() == ".cc") examples += contents_of(file.path());
  }
  const std::vector<std::string> blocks =
      code_blocks_of(contents_of(kSource / "docs" / (std::string(GetParam()) + ".md")));
  EXPECT_FALSE(blocks.empty());
  for (const std::string& block : blocks) {
    EXPECT_NE(examples.find(block), std::string::npos) << "no example contains\n" << block;
  }
}

INSTANTIATE_TEST_SUITE_P(, PageOfDocs, ::testing::Values("engine", "model", "norm"),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace equipoise
