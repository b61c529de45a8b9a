#include "run/event_file.h"

#include <limits>

#include <gmock/gmock.h>

#include "base/temporary_folder.h"

namespace equipoise::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

using EventFile = TemporaryFolder;

TEST_F(EventFile, HasWhatIsFinite) {
  const run::EventFile file(folder_, 1);
  const auto text = [this] {
    return content(std::filesystem::directory_iterator(folder_)->path());
  };
  const std::string empty = text();
  file.append({.step = 1, .split = "refused", .loss = kNan, .accuracy = kNan}, 2);
  EXPECT_EQ(text(), empty);
  file.append({.step = 2, .split = "refused", .loss = 0.5, .accuracy = kNan}, 3);
  EXPECT_THAT(text(), HasSubstr("loss/refused"));
  EXPECT_THAT(text(), Not(HasSubstr("accuracy/refused")));
}

}  // namespace
}  // namespace equipoise::testing
