#include "formats/runs/read_runs.h"

#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "formats/runs/run_json.h"
#include "formats/runs/testing/run_files.h"
#include "formats/tensorboard/event_writer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::runs {
namespace {

namespace fs = std::filesystem;

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;

std::vector<Run> read(const std::string& folder) {
  absl::StatusOr<std::vector<Run>> runs = read_runs(folder);
  EXPECT_TRUE(runs.ok()) << runs.status();
  return runs.ok() ? *std::move(runs) : std::vector<Run>();
}

std::vector<std::string> names_of(const std::vector<Run>& runs) {
  std::vector<std::string> names;
  for (const runs::Run& run : runs) names.push_back(run.name);
  return names;
}

std::string error_of(const std::string& folder, absl::StatusCode code) {
  const absl::Status status = read_runs(folder).status();
  EXPECT_EQ(status.code(), code) << status;
  return std::string(status.message());
}

TEST(ReadRuns, FindsThemByTheNumbersInTheirNames) {
  const std::string folder = new_runs_folder();
  for (const char* name : {"run-10", "run-2", "group/b", "group/a"}) {
    write_run(folder + "/" + name, {{"loss", {1}}});
  }
  fs::create_directories(folder + "/empty");
  write_text(folder + "/model/config.json", R"({"hidden_size": 768})");
  EXPECT_THAT(names_of(read(folder)), ElementsAre("group/a", "group/b", "run-2", "run-10"));
  EXPECT_THAT(names_of(read(folder + "/")), ElementsAre("group/a", "group/b", "run-2", "run-10"));
  EXPECT_THAT(names_of(read(folder + "/run-2")), ElementsAre("run-2"));
  EXPECT_THAT(names_of(read(folder + "/run-2/")), ElementsAre("run-2"));
}

TEST(ReadRuns, ReadsARun) {
  const std::string folder = new_runs_folder();
  write_run(folder + "/first", {{"loss", {3, 1, 2}}, {"accuracy", {0.5}}},
            R"({"optimizer": {"name": "adamw", "lr": 1e-4}, "layers": 12, "tags": [1, "a"],
                "compile": true, "note": null, "empty": {}})");
  const std::vector<runs::Run> runs = read(folder);
  ASSERT_EQ(runs.size(), 1u);
  const runs::Run& run = runs[0];
  EXPECT_EQ(run.path, folder + "/first");
  EXPECT_EQ(run.started_at, 1000);
  EXPECT_EQ(run.ended_at, 1030);
  EXPECT_EQ(run.last_step, 3);
  EXPECT_THAT(run.config,
              ElementsAre(Pair("optimizer.name", "adamw"), Pair("optimizer.lr", "0.0001"),
                          Pair("layers", "12"), Pair("tags", "[1,\"a\"]"), Pair("compile", "true"),
                          Pair("note", "null"), Pair("empty", "{}")));
  EXPECT_THAT(metric_names(runs), ElementsAre("accuracy", "loss"));
  EXPECT_EQ(find_metric(run, "loss")->best()->step, 2);
  EXPECT_THAT(run.remarks, IsEmpty());
}

TEST(ReadRuns, ReadsTensorBoardsFilesWhereThereIsNothingElse) {
  const std::string folder = new_runs_folder();
  for (const char* name : {"/both", "/events"}) {
    fs::create_directories(folder + name);
    tensorboard::EventWriter writer(folder + name);
    ASSERT_TRUE(writer.add({.step = 7, .time = 2000, .values = {{"loss", 0.25}}}).ok());
  }
  write_run(folder + "/both", {{"loss", {3}}});
  const std::vector<runs::Run> runs = read(folder);
  ASSERT_THAT(names_of(runs), ElementsAre("both", "events"));
  EXPECT_EQ(find_metric(runs[0], "loss")->last.value, 3);
  EXPECT_EQ(find_metric(runs[1], "loss")->last.value, 0.25);
  EXPECT_EQ(runs[1].last_step, 7);
  EXPECT_EQ(runs[1].started_at, 2000);
}

TEST(ReadRuns, BeginsNoRunAfterItsFirstValue) {
  const std::string folder = new_runs_folder();
  write_text(folder + "/run/config.json", R"({"name": "run", "started_at": 9000, "config": {}})");
  write_text(folder + "/run/metrics.jsonl",
             "{\"step\":1,\"time\":1000,\"loss\":3}\n{\"step\":2,\"time\":1010,\"loss\":2}\n");
  const std::vector<runs::Run> runs = read(folder);
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].started_at, 1000);
  EXPECT_EQ(runs[0].ended_at, 1010);
}

TEST(ReadRuns, IgnoresTimesThatAreNone) {
  const std::string folder = new_runs_folder();
  write_text(folder + "/odd/metrics.jsonl",
             "{\"step\":1,\"loss\":3}\n{\"step\":2,\"time\":\"inf\",\"loss\":2}\n"
             "{\"step\":3,\"time\":-5,\"loss\":1}\n{\"step\":4,\"time\":1000,\"loss\":1}\n"
             "{\"step\":5,\"time\":1010,\"loss\":1}\n{\"step\":6,\"time\":\"nan\",\"loss\":1}\n");
  write_text(folder + "/timeless/metrics.jsonl", "{\"step\":1,\"loss\":3}\n");
  const std::vector<runs::Run> runs = read(folder);
  ASSERT_THAT(names_of(runs), ElementsAre("odd", "timeless"));
  EXPECT_EQ(runs[0].started_at, 1000);
  EXPECT_EQ(runs[0].ended_at, 1010);
  EXPECT_EQ(find_metric(runs[0], "loss")->curve[1].time, 1000);
  EXPECT_EQ(find_metric(runs[0], "loss")->last.time, 1010);
  EXPECT_EQ(runs[1].started_at, 0);
  EXPECT_EQ(runs[1].ended_at, 0);
}

TEST(ReadRuns, PutsStepsThatGoBackInOrder) {
  const std::string folder = new_runs_folder();
  write_text(folder + "/back/metrics.jsonl",
             "{\"step\":5,\"time\":1,\"loss\":5}\n{\"step\":2,\"time\":2,\"loss\":2}\n"
             "{\"step\":9,\"time\":3,\"loss\":9}\n{\"step\":2,\"time\":4,\"loss\":3}\n");
  const std::vector<runs::Run> runs = read(folder);
  std::vector<double> values;
  for (const CurveColumn& column : find_metric(runs[0], "loss")->curve) {
    values.push_back(column.mean);
  }
  EXPECT_THAT(values, ElementsAre(2, 3, 5, 9));
  EXPECT_EQ(find_metric(runs[0], "loss")->last.step, 9);
}

TEST(ReadRuns, RemarksWhatIsDamaged) {
  const std::string folder = new_runs_folder();
  write_run(folder + "/cut", {{"loss", {3, 2}}});
  fs::resize_file(folder + "/cut/metrics.jsonl", fs::file_size(folder + "/cut/metrics.jsonl") - 10);
  write_run(folder + "/config", {{"loss", {1}}});
  write_text(folder + "/config/config.json", "{");
  write_run(folder + "/new", {});
  fs::remove(folder + "/new/metrics.jsonl");
  write_text(folder + "/none/metrics.jsonl", "");
  write_text(folder + "/wrong/metrics.jsonl", std::string("\0\xff\n[]\n", 6));
  fs::create_directories(folder + "/odd/metrics.jsonl");
  write_text(folder + "/torn/events.out.tfevents.1.host", "not what it should be");
  const std::vector<runs::Run> runs = read(folder);
  ASSERT_THAT(names_of(runs), ElementsAre("config", "cut", "new", "none", "odd", "torn", "wrong"));
  for (const runs::Run& run : runs) {
    ASSERT_THAT(run.remarks, Not(IsEmpty())) << run.name;
    EXPECT_THAT(run.remarks.front(), StartsWith(folder)) << run.name;
  }
  EXPECT_EQ(find_metric(runs[0], "loss")->points, 1);
  EXPECT_THAT(runs[0].remarks.front(), HasSubstr("config.json is not the config of a run"));
  EXPECT_EQ(find_metric(runs[1], "loss")->last.value, 3);
  EXPECT_THAT(runs[1].remarks.front(), HasSubstr("the last line is cut off"));
  EXPECT_THAT(runs[2].remarks, ElementsAre(folder + "/new has no values of metrics yet."));
  EXPECT_EQ(runs[2].ended_at - runs[2].started_at, 0);
}

TEST(ReadRuns, ReadsNoFolderTwice) {
  const std::string folder = new_runs_folder();
  write_run(folder + "/run-1", {{"loss", {1}}});
  fs::create_directory_symlink(folder + "/run-1", folder + "/latest");
  fs::create_directory_symlink(folder, folder + "/run-1/round");
  const std::string other = new_runs_folder();
  fs::create_directory_symlink(folder + "/run-1", other + "/linked");
  EXPECT_THAT(names_of(read(folder)), ElementsAre("run-1"));
  EXPECT_THAT(read(other).front().name, "linked");
}

TEST(ReadRuns, SaysWhyThereIsNone) {
  const std::string folder = new_runs_folder();
  EXPECT_EQ(error_of(folder, absl::StatusCode::kNotFound),
            folder +
                ": there is no run in this folder, neither a metrics.jsonl nor event files of "
                "TensorBoard; name the folder that a tracker writes to.");
  EXPECT_EQ(error_of(folder + "/none", absl::StatusCode::kNotFound),
            folder + "/none: there is no such folder; correct the path.");
  EXPECT_EQ(error_of("", absl::StatusCode::kNotFound),
            ": there is no such folder; correct the path.");
  write_text(folder + "/file", "x");
  EXPECT_EQ(
      error_of(folder + "/file", absl::StatusCode::kInvalidArgument),
      folder + "/file is not a folder; name the folder of a run, or the one that holds the runs.");
}

TEST(ReadRuns, SaysWhatCannotBeRead) {
  if (geteuid() == 0) GTEST_SKIP() << "root reads everything";
  const std::string folder = new_runs_folder();
  write_run(folder + "/open", {{"loss", {1}}});
  write_run(folder + "/closed", {{"loss", {1}}});
  fs::permissions(folder + "/closed", fs::perms::none);
  const std::vector<runs::Run> runs = read(folder);
  ASSERT_THAT(names_of(runs), ElementsAre("closed", "open"));
  EXPECT_THAT(runs[0].remarks.front(), HasSubstr("/closed cannot be read: Permission denied; "));
  EXPECT_THAT(error_of(folder + "/closed", absl::StatusCode::kPermissionDenied),
              HasSubstr("cannot be read: Permission denied; check its permissions."));
  fs::permissions(folder + "/closed", fs::perms::owner_exec);
  const std::vector<runs::Run> half_open = read(folder);
  ASSERT_THAT(names_of(half_open), ElementsAre("closed", "open"));
  EXPECT_NE(find_metric(half_open[0], "loss"), nullptr);
  EXPECT_THAT(half_open[0].remarks.front(), HasSubstr("/closed cannot be read: "));
  fs::permissions(folder + "/closed", fs::perms::owner_all);
}

TEST(ReadRuns, StandsDeepNestingInAConfig) {
  const std::string folder = new_runs_folder();
  std::string deep;
  for (int i = 0; i < 50; ++i) deep += "{\"a\":";
  write_run(folder + "/first", {{"loss", {1}}}, deep + "1" + std::string(50, '}'));
  const std::vector<runs::Run> runs = read(folder);
  ASSERT_EQ(runs[0].config.size(), 1u);
  EXPECT_EQ(runs[0].config[0].first, "a.a.a.a.a.a.a.a");

  constexpr int kMany = 200000;
  write_run(folder + "/second", {{"loss", {1}}},
            "{\"a\":" + std::string(kMany, '[') + std::string(kMany, ']') + "}");
  EXPECT_EQ(read(folder)[1].config[0].first, "a");
}

TEST(RunJson, HasEverythingButCurves) {
  const std::string folder = new_runs_folder();
  write_run(folder + "/first", {{"loss", {3, 1, std::stod("nan")}}}, R"({"lr": 0.1})");
  const nlohmann::ordered_json json = to_json(read(folder)[0]);
  EXPECT_EQ(json["name"], "first");
  EXPECT_EQ(json["steps"], 3);
  EXPECT_EQ(json["seconds"], 30);
  EXPECT_EQ(json["config"], nlohmann::json({{"lr", "0.1"}}));
  EXPECT_EQ(json["metrics"]["loss"]["last"]["value"], "nan");
  EXPECT_EQ(json["metrics"]["loss"]["best"],
            nlohmann::json({{"step", 2}, {"time", 1020.0}, {"value", 1.0}}));
  EXPECT_EQ(json["metrics"]["loss"]["first_non_finite"]["step"], 3);
  EXPECT_EQ(json["metrics"]["loss"]["higher_is_better"], false);
}

}  // namespace
}  // namespace accelerate::runs
