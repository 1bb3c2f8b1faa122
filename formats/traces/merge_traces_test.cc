#include "formats/traces/merge_traces.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::traces {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string new_folder() {
  std::string folder = std::string(std::getenv("TEST_TMPDIR")) + "/traces_XXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  return folder;
}

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::string trace(std::int64_t base, double time) {
  return json{
      {"baseTimeNanoseconds", base},
      {"traceEvents",
       {{{"ph", "X"}, {"name", "forward"}, {"pid", 7}, {"tid", 1}, {"ts", time}, {"dur", 5}},
        {{"ph", "s"}, {"name", "ac2g"}, {"id", 3}, {"pid", 7}, {"tid", 1}, {"ts", time}},
        {{"ph", "M"}, {"name", "process_name"}, {"pid", 7}, {"args", {{"name", "my_model"}}}},
        {{"ph", "M"},
         {"name", "thread_name"},
         {"pid", 7},
         {"tid", 1},
         {"args", {{"name", "main"}}}},
        {{"ph", "X"}, {"name", "kernel"}, {"pid", 0}, {"tid", 7}, {"ts", time}, {"dur", 1}}}}}
      .dump();
}

TEST(MergeTraces, PutsRanksOnOneTimeLine) {
  const std::string folder = new_folder();
  write(folder + "/profile_0.json", trace(1'000'000, 10));
  write(folder + "/profile_10.json", trace(1'500'000, 20));
  write(folder + "/profile_2_step_4.json", trace(1'000'000, 30));
  write(folder + "/other.json", "{}");
  const absl::StatusOr<std::vector<TraceFile>> files = find_traces(folder);
  ASSERT_TRUE(files.ok());
  ASSERT_EQ(files->size(), 3u);
  EXPECT_EQ(files->at(1).rank, 2);
  EXPECT_EQ(files->at(2).rank, 10);
  const std::string path = folder + "/trace.json";
  const auto remarks = merge_traces(*files, path);
  ASSERT_TRUE(remarks.ok()) << remarks.status();
  std::ifstream in(path);
  const json merged = json::parse(in);
  std::map<int, std::string> names;
  std::map<int, double> forward_at;
  std::set<std::string> ids;
  for (const json& event : merged.at("traceEvents")) {
    const int pid = event.at("pid");
    if (event.at("name") == "process_name") names[pid] = event.at("args").at("name");
    if (event.at("name") == "forward") forward_at[pid] = event.at("ts");
    if (event.contains("id")) ids.insert(event.at("id"));
  }
  // Of each rank the process and the GPU.
  EXPECT_EQ(names.size(), 6u);
  std::map<std::string, double> by_name;
  for (const auto& [pid, time] : forward_at) by_name[names.at(pid)] = time;
  const std::map<std::string, double> expected = {
      {"rank 0: my_model", 10}, {"rank 10: my_model", 520}, {"rank 2: my_model", 30}};
  EXPECT_EQ(by_name, expected);
  EXPECT_EQ(ids, (std::set<std::string>{"0.3", "1.3", "2.3"}));
}

TEST(MergeTraces, RemarksWhatMayBeOfAnotherRun) {
  const std::string folder = new_folder();
  const std::int64_t second = 1'000'000'000;
  // Each takes 5 us.
  write(folder + "/profile_0_step_2.json", trace(9 * second, 10));
  write(folder + "/profile_1_step_2.json", trace(9 * second, 14));
  write(folder + "/profile_2_step_2.json", trace(7 * second, 10));
  write(folder + "/profile_0_step_9.json", trace(12 * second, 10));
  write(folder + "/profile_3_step_9.json", trace(14 * second, 10));
  write(folder + "/profile_4_step_9.json", R"({"traceEvents": []})");
  const auto remarks = merge_traces(*find_traces(folder), folder + "/trace.json");
  ASSERT_TRUE(remarks.ok()) << remarks.status();
  EXPECT_THAT(*remarks, ElementsAre(AllOf(HasSubstr("/profile_2_step_2.json ends 2 s before " +
                                                    folder + "/profile_0_step_2.json begins"),
                                          HasSubstr("left over from another run")),
                                    HasSubstr("/profile_0_step_9.json ends 2 s before " + folder +
                                              "/profile_3_step_9.json begins")));
}

TEST(MergeTraces, TakesOddTexts) {
  const std::string folder = new_folder();
  write(folder + "/profile_0.json",
        R"({"traceEvents": [{"ph": "X", "name": "a\nb\u00e4", "pid": "Spans", "ts": 1, "dur": 1}, )"
        R"({"ph": 5, "name": 6}, {"ph": "M", "name": 7, "pid": 1, "args": 8}, )"
        R"({"ph": "M", "name": "process_name", "pid": 1, "args": {"name": 5}}]})");
  ASSERT_TRUE(merge_traces(*find_traces(folder), folder + "/trace.json").ok());
  std::ifstream in(folder + "/trace.json");
  EXPECT_EQ(json::parse(in).at("traceEvents").at(0).at("name"), "a\nb\u00e4");
}

TEST(MergeTraces, LeavesNothingOfADamagedOne) {
  const std::string folder = new_folder();
  write(folder + "/profile_0.json", trace(0, 1));
  for (const std::string& damaged :
       {std::string(trace(0, 1), 0, 40), std::string("[]"), std::string("{\"traceEvents\": [5]}"),
        std::string(), std::string(100'000, '['),
        "{\"traceEvents\": " + std::string(100'000, '[')}) {
    write(folder + "/profile_1.json", damaged);
    const auto merged = merge_traces(*find_traces(folder), folder + "/trace.json");
    EXPECT_THAT(std::string(merged.status().message()),
                HasSubstr("profile_1.json: this is not a trace"));
    EXPECT_FALSE(std::filesystem::exists(folder + "/trace.json"));
  }
}

TEST(MergeTraces, SaysWhereThereIsNone) {
  const std::string folder = new_folder();
  EXPECT_THAT(std::string(find_traces(folder).status().message()),
              HasSubstr("there is no profile_RANK.json in this folder"));
  EXPECT_THAT(std::string(find_traces(folder + "/none").status().message()),
              HasSubstr("No such file"));
}

}  // namespace
}  // namespace accelerate::traces
