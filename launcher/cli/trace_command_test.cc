#include "launcher/cli/trace_command.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/cli/command_result.h"

namespace accelerate::launcher {
namespace {

using ::testing::HasSubstr;

CommandResult run(const std::vector<std::string>& words) {
  return result_of([&](const Console& console) { return run_trace(words, console); });
}

std::string new_folder() {
  std::string folder = std::string(std::getenv("TEST_TMPDIR")) + "/traces_XXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  return folder;
}

TEST(TraceCommand, WritesOneFileOfAllRanks) {
  const std::string folder = new_folder();
  for (const char* name :
       {"profile_0_step_2.json", "profile_0_step_7.json", "profile_1_step_2.json"})
    std::ofstream(folder + "/" + name) << R"({"traceEvents": []})";
  const CommandResult result = run({folder});
  EXPECT_EQ(result.code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("/trace.json: 3 traces of 2 ranks"));
  EXPECT_TRUE(std::filesystem::exists(folder + "/trace.json"));
  EXPECT_EQ(run({folder, "--output", folder + "/all.json"}).code, 0);
  EXPECT_TRUE(std::filesystem::exists(folder + "/all.json"));
}

TEST(TraceCommand, RemarksWhatMayBeOfAnotherRun) {
  const std::string folder = new_folder();
  for (const auto& [rank, time] : {std::pair(0, 2'500'000), std::pair(1, 100)})
    std::ofstream(folder + "/profile_" + std::to_string(rank) + ".json")
        << R"({"traceEvents": [{"ph": "X", "name": "forward", "pid": 1, "ts": )" << time
        << R"(, "dur": 5}]})";
  const CommandResult result = run({folder});
  EXPECT_EQ(result.code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("/profile_1.json ends 2.5 s before "));
}

TEST(TraceCommand, SaysWhatIsWrong) {
  const std::string folder = new_folder();
  EXPECT_THAT(run({folder}).errors, HasSubstr("there is no profile_RANK.json"));
  std::ofstream(folder + "/profile_0.json") << "{";
  const CommandResult result = run({folder});
  EXPECT_NE(result.code, 0);
  EXPECT_THAT(result.errors, HasSubstr("profile_0.json: this is not a trace"));
}

}  // namespace
}  // namespace accelerate::launcher
