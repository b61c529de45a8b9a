#include <csignal>

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error_of.h"
#include "base/temporary_folder.h"
#include "equipoise/run.h"
#include "run/failure_point.h"

namespace equipoise::testing {
namespace {

using run::FailurePoint;
using ::testing::AllOf;
using ::testing::HasSubstr;

class WriteAtomically : public TemporaryFolder {
 protected:
  ~WriteAtomically() override { run::failure_hook = nullptr; }

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      names.push_back(entry.path().filename());
    }
    return names;
  }
};

TEST_F(WriteAtomically, ReplacesWhatWasThere) {
  write_atomically(folder_ / "file", "old");
  write_atomically(folder_ / "file", "newer");
  EXPECT_EQ(content(folder_ / "file"), "newer");
  EXPECT_THAT(names(), ::testing::ElementsAre("file"));
}

TEST_F(WriteAtomically, AFileInTheWorkingFolderNeedsNoPath) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder_);
  write_atomically("file", "here");
  std::filesystem::current_path(before);
  EXPECT_EQ(content(folder_ / "file"), "here");
}

TEST_F(WriteAtomically, FoldersThatCannotBeWrittenToAreNamed) {
  write(folder_ / "file", "");
  EXPECT_THAT(error_of([&] { write_atomically(folder_ / "absent" / "a", "x"); }),
              AllOf(HasSubstr("absent/a"), HasSubstr("No such file")));
  EXPECT_THAT(error_of([&] { write_atomically(folder_ / "file" / "a", "x"); }),
              HasSubstr("Not a directory"));
}

TEST_F(WriteAtomically, AFullDiskLeavesTheOldFile) {
  write(folder_ / "file", "old");
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1000, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string error =
      error_of([&] { write_atomically(folder_ / "file", std::string(5000, 'x')); });
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_THAT(error, AllOf(HasSubstr("cannot write to"), HasSubstr("file")));
  EXPECT_EQ(content(folder_ / "file"), "old");
  EXPECT_THAT(names(), ::testing::ElementsAre("file"));
}

TEST_F(WriteAtomically, AFailedRenameLeavesNothingBehind) {
  std::filesystem::create_directories(folder_ / "taken" / "by a folder");
  EXPECT_THAT(error_of([&] { write_atomically(folder_ / "taken", "x"); }), HasSubstr("taken"));
  EXPECT_THAT(names(), ::testing::ElementsAre("taken"));
}

// A process is killed at each point of writing; the file is then the old one or the new one.
TEST_F(WriteAtomically, WhoIsKilledLeavesTheOldFileOrTheNewOne) {
  static FailurePoint killed_at;
  for (const FailurePoint point :
       {FailurePoint::kBegin, FailurePoint::kHalf, FailurePoint::kWritten, FailurePoint::kSynced,
        FailurePoint::kRenamed}) {
    write(folder_ / "file", "old");
    killed_at = point;
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      run::failure_hook = [](FailurePoint at) {
        if (at == killed_at) std::raise(SIGKILL);
      };
      write_atomically(folder_ / "file", "new");
      _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "point " << static_cast<int>(point) << " was not reached";
    EXPECT_EQ(content(folder_ / "file"), point == FailurePoint::kRenamed ? "new" : "old");
  }
}

}  // namespace
}  // namespace equipoise::testing
