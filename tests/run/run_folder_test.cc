#include <gmock/gmock.h>

#include "base/error_of.h"
#include "base/temporary_folder.h"
#include "equipoise/run.h"

namespace equipoise::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Run : public TemporaryFolder {
 protected:
  static void save(RunFolder& run, std::int64_t step, std::optional<double> score = std::nullopt) {
    const std::vector<float> weight = {static_cast<float>(step)};
    const std::vector<CheckpointView> tensors = {
        {.name = "weight", .shape = {1}, .values = std::span(weight)}};
    run.save(step, tensors, {{"seed", "7"}}, score);
  }

  static Metric metric(std::int64_t step, const std::string& split = "training") {
    return {.step = step, .split = split, .loss = 1, .time = static_cast<double>(step)};
  }

  std::filesystem::path checkpoint(int step) const {
    return path_ / "checkpoints" / ("step-0000000" + std::to_string(step) + ".safetensors");
  }

  std::vector<int> steps() const {
    std::vector<int> steps;
    for (int step = 0; step < 10; ++step) {
      if (std::filesystem::exists(checkpoint(step))) steps.push_back(step);
    }
    return steps;
  }

  std::filesystem::path path_ = folder_ / "run";
};

TEST_F(Run, GoesOnFromItsNewestCheckpoint) {
  {
    RunFolder run = RunFolder::create(path_);
    save(run, 1);
    save(run, 2);
  }
  const NewestCheckpoint newest = RunFolder::open(path_).newest();
  ASSERT_TRUE(newest.checkpoint);
  EXPECT_EQ(newest.checkpoint->step, 2);
  EXPECT_EQ(newest.checkpoint->path, checkpoint(2));
  EXPECT_EQ(newest.checkpoint->facts, (std::map<std::string, std::string>{{"seed", "7"}}));
  EXPECT_THAT(newest.refused, IsEmpty());
}

TEST_F(Run, WithoutACheckpointBeginsAtTheStart) {
  { RunFolder::create(path_); }
  EXPECT_FALSE(RunFolder::open(path_).newest().checkpoint);
}

TEST_F(Run, PassesOverCheckpointsThatWereAltered) {
  RunFolder run = RunFolder::create(path_);
  for (int step = 1; step <= 3; ++step) save(run, step);
  std::string bytes = content(checkpoint(3));
  write(checkpoint(3), bytes.substr(0, bytes.size() - 1));
  bytes = content(checkpoint(2));
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  write(checkpoint(2), bytes);

  const NewestCheckpoint newest = run.newest();
  ASSERT_TRUE(newest.checkpoint);
  EXPECT_EQ(newest.checkpoint->step, 1);
  EXPECT_THAT(newest.refused, ElementsAre(HasSubstr("step-00000003"), HasSubstr("it was altered")));

  write(checkpoint(1), "");
  EXPECT_THAT(error_of([&] { static_cast<void>(run.newest()); }),
              HasSubstr("no checkpoint of '" + path_.string() + "' can be read"));
}

TEST_F(Run, KeepsTheNewestAndTheBest) {
  RunFolder run = RunFolder::create(path_, {.keep = 2});
  save(run, 1, 0.5);
  save(run, 2, 0.9);
  save(run, 3);
  save(run, 4, 0.8);
  EXPECT_THAT(steps(), ElementsAre(2, 3, 4));
  save(run, 5, 0.95);
  EXPECT_THAT(steps(), ElementsAre(4, 5));
  EXPECT_EQ(run.best()->step, 5);
}

TEST_F(Run, OfEquallyGoodOnesTheLastIsBest) {
  RunFolder run = RunFolder::create(path_, {.keep = 1});
  for (int step = 1; step <= 3; ++step) save(run, step, 0.9);
  EXPECT_THAT(steps(), ElementsAre(3));
  EXPECT_EQ(run.best()->step, 3);
}

TEST_F(Run, KnowsTheBestWhenOpenedAgain) {
  {
    RunFolder run = RunFolder::create(path_, {.keep = 1});
    save(run, 1, 0.9);
    save(run, 2, 0.5);
  }
  RunFolder run = RunFolder::open(path_, {.keep = 1});
  save(run, 3, 0.6);
  EXPECT_THAT(steps(), ElementsAre(1, 3));
  EXPECT_EQ(run.best()->step, 1);
}

TEST_F(Run, WithoutScoresNoneIsBest) {
  RunFolder run = RunFolder::create(path_);
  save(run, 1);
  EXPECT_FALSE(run.best());
}

TEST_F(Run, RewindsToAStep) {
  {
    RunFolder run = RunFolder::create(path_);
    run.append(metric(10));
    run.append(metric(20));
    save(run, 2);
    run.append(metric(20, "validation"));
    run.append(metric(30));
  }
  std::string torn = content(path_ / "metrics.jsonl") + R"({"step":)";
  write(path_ / "metrics.jsonl", torn);
  write(path_ / "model.onnx.tmp", "half");
  RunFolder run = RunFolder::open(path_);
  EXPECT_FALSE(std::filesystem::exists(path_ / "model.onnx.tmp"));
  EXPECT_THAT(run.rewind(20, 3), SizeIs(3));
  run.append(metric(31));
  const std::vector<Metric> metrics = read_metrics(path_ / "metrics.jsonl");
  EXPECT_THAT(metrics, ElementsAre(metric(10), metric(20), metric(20, "validation"), metric(31)));
}

TEST_F(Run, RewindsToTheLinesThatThereWere) {
  RunFolder run = RunFolder::create(path_);
  run.append(metric(10));
  run.append(metric(20));
  save(run, 2);
  run.append(metric(20, "validation"));
  EXPECT_THAT(run.rewind(20, 2), ElementsAre(metric(10), metric(20)));
  EXPECT_THAT(read_metrics(path_ / "metrics.jsonl"), SizeIs(2));
  // Where somebody has removed one, those of later steps are not taken in its place.
  EXPECT_THAT(run.rewind(10, 2), ElementsAre(metric(10)));
}

TEST_F(Run, RewindsToItsBeginning) {
  RunFolder run = RunFolder::create(path_);
  run.append(metric(1));
  write(checkpoint(1), "");
  EXPECT_THAT(run.rewind(0, 0), IsEmpty());
  EXPECT_THAT(steps(), IsEmpty());
  EXPECT_TRUE(std::filesystem::exists(checkpoint(1).string() + ".set-aside"));
  EXPECT_THAT(read_metrics(path_ / "metrics.jsonl"), IsEmpty());
}

TEST_F(Run, CannotBeOpenedTwice) {
  const RunFolder run = RunFolder::create(path_);
  EXPECT_THAT(error_of([&] { RunFolder::open(path_); }), HasSubstr("in use by another process"));
}

TEST_F(Run, DoesNotBeginInAFolderThatIsInUse) {
  std::filesystem::create_directories(path_);
  {
    const RunFolder run = RunFolder::create(path_);
    EXPECT_THAT(error_of([&] { RunFolder::create(path_); }), HasSubstr("in use by another"));
    run.write("config.toml", "");
  }
  EXPECT_THAT(error_of([&] { RunFolder::create(path_); }),
              HasSubstr("is there already; go on with it by --resume"));
  EXPECT_THAT(error_of([&] { RunFolder::open(folder_); }), HasSubstr("not the folder of a run"));
  write(folder_ / "file", "");
  EXPECT_THAT(error_of([&] { RunFolder::create(folder_ / "file" / "run"); }),
              HasSubstr("cannot use folder"));
  EXPECT_THAT(error_of([&] { RunFolder::create(folder_ / "new", {.keep = 0}); }),
              HasSubstr("0 checkpoints"));
}

TEST_F(Run, BeginsAnewWhereOneWasStoppedBeforeItsSettings) {
  { RunFolder::create(path_); }
  for (const char* name : {"beginning.onnx", "beginning.onnx.tmp", "config.toml.tmp"}) {
    write(path_ / name, "half");
  }
  RunFolder::create(path_);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    if (entry.is_regular_file()) ++files;
  }
  EXPECT_EQ(files, 2U);  // metrics and events
}

TEST_F(Run, DoesNotBeginAmongFilesOfOthers) {
  for (const char* name : {"notes", "notes.tmp", "model.onnx", "metrics.jsonl", "checkpoints/a",
                           "events.out.tfevents.1.host"}) {
    { RunFolder::create(path_); }
    write(path_ / name, "mine");
    EXPECT_THAT(error_of([&] { RunFolder::create(path_); }),
                HasSubstr("is there already, without a config.toml to go on by"))
        << name;
    EXPECT_EQ(content(path_ / name), "mine");
    std::filesystem::remove_all(path_);
  }
}

}  // namespace
}  // namespace equipoise::testing
