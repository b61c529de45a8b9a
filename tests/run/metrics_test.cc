#include "run/metrics.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>

#include "base/error_of.h"
#include "base/temporary_folder.h"
#include "equipoise/run.h"

namespace equipoise::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Metrics = TemporaryFolder;

const Metric kMetric{.step = 120,
                     .epoch = 0.5,
                     .split = "training",
                     .loss = 1.0 / 3,
                     .accuracy = 0.75,
                     .rate = 0.1,
                     .time = 12.25};

TEST_F(Metrics, ALineHasTheDocumentedFields) {
  EXPECT_EQ(run::to_line(kMetric),
            R"({"step":120,"epoch":0.5,"split":"training","loss":0.3333333333333333,)"
            R"("accuracy":0.75,"lr":0.1,"time":12.25})"
            "\n");
}

TEST_F(Metrics, ComeBack) {
  write(folder_ / "m", run::to_line(kMetric) + run::to_line(kMetric));
  EXPECT_THAT(read_metrics(folder_ / "m"), ElementsAre(kMetric, kMetric));
}

TEST_F(Metrics, WhatIsNotFiniteIsNull) {
  Metric metric = kMetric;
  metric.loss = std::numeric_limits<double>::infinity();
  EXPECT_THAT(run::to_line(metric), HasSubstr(R"("loss":null)"));
  write(folder_ / "m", run::to_line(metric));
  EXPECT_TRUE(std::isnan(read_metrics(folder_ / "m").at(0).loss));
}

TEST_F(Metrics, ARefusedStepSaysWhyAndWhere) {
  Metric metric = kMetric;
  metric.split = "refused";
  metric.refusal = "the loss is nan; first, the output of 'conv1' is not finite (3 of 8 values)";
  metric.first_non_finite = "conv1";
  EXPECT_THAT(run::to_line(metric),
              HasSubstr(R"json("refusal":"the loss is nan; first, the output of 'conv1' )json"
                        R"json(is not finite (3 of 8 values)","first_non_finite":"conv1"})json"));
  write(folder_ / "m", run::to_line(metric));
  EXPECT_THAT(read_metrics(folder_ / "m"), ElementsAre(metric));
}

TEST_F(Metrics, ALastLineThatIsCutOffIsLeftOut) {
  write(folder_ / "m", run::to_line(kMetric) + R"({"step":140,"epo)");
  EXPECT_THAT(read_metrics(folder_ / "m"), ElementsAre(kMetric));
}

TEST_F(Metrics, OtherLinesAreErrors) {
  for (const char* line : {"{}", "[]", "x", "", R"({"step":"a"})", R"({"step":1e30})"}) {
    write(folder_ / "m", run::to_line(kMetric) + line + "\n");
    EXPECT_THAT(error_of([&] { static_cast<void>(read_metrics(folder_ / "m")); }),
                HasSubstr("line 2: it is no metric; remove the line"))
        << line;
  }
}

}  // namespace
}  // namespace equipoise::testing
