#include "formats/metrics/run_folder.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::metrics {
namespace {

using testing::HasSubstr;

std::string new_folder() {
  std::string folder = testing::TempDir() + "/runs.XXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  return folder;
}

TEST(RunFolder, GivesEachRunItsOwn) {
  const std::string folder = new_folder() + "/new";
  const RunConfig config = {
      .name = "first", .started_at = 1764460000.5, .values = {{"lr", 0.1}, {"a", "\u00e9"}}};
  EXPECT_EQ(claim_run(folder, config).value(), "first");
  EXPECT_EQ(claim_run(folder, config).value(), "first-2");
  EXPECT_EQ(claim_run(folder, config).value(), "first-3");
  const auto read = read_run_config(folder + "/first-2/config.json");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->name, "first-2");
  EXPECT_EQ(read->started_at, 1764460000.5);
  EXPECT_EQ(read->values.dump(), "{\"lr\":0.1,\"a\":\"\u00e9\"}");
}

TEST(RunFolder, GivesProcessesThatComeAtOnceDifferentOnes) {
  const std::string folder = new_folder();
  std::vector<pid_t> children;
  for (int i = 0; i < 8; ++i) {
    children.push_back(fork());
    if (children.back() == 0) {
      const auto name = claim_run(folder, {.name = "run"});
      std::ofstream(folder + "/" + std::to_string(getpid())) << name.value_or("none");
      _exit(0);
    }
  }
  std::set<std::string> names;
  for (const pid_t child : children) {
    waitpid(child, nullptr, 0);
    std::string name;
    std::ifstream(folder + "/" + std::to_string(child)) >> name;
    names.insert(name);
  }
  EXPECT_EQ(names.size(), children.size());
  EXPECT_EQ(names.count("none"), 0u);
}

TEST(RunFolder, LeavesRunsOfOthersAlone) {
  const std::string folder = new_folder();
  for (const std::string file :
       {"run/metrics.jsonl", "run-2/metrics.csv", "run-3/events.out.tfevents.1.host"}) {
    std::filesystem::create_directories(std::filesystem::path(folder + "/" + file).parent_path());
    std::ofstream(folder + "/" + file) << "of others";
  }
  std::filesystem::create_directory(folder + "/run-4");
  std::filesystem::create_symlink(folder + "/nowhere", folder + "/run-4/metrics.jsonl");
  std::filesystem::create_directory(folder + "/run-5");
  EXPECT_EQ(claim_run(folder, {.name = "run"}).value(), "run-5");
}

TEST(RunFolder, RefusesNamesThatAreNoFolders) {
  const std::string folder = new_folder();
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("a/b"),
        std::string("a\0b", 3), std::string(256, 'a')}) {
    const auto status = claim_run(folder, {.name = name}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("cannot be the name of a run"));
  }
}

TEST(RunFolder, SaysWhatIsNoConfig) {
  const std::string path = new_folder() + "/config.json";
  EXPECT_TRUE(absl::IsNotFound(read_run_config(path).status()));
  for (const std::string text :
       {"", "[]", "{", "{\"name\":1,\"started_at\":1,\"config\":{}}", "{\"name\":\"a\"}"}) {
    std::ofstream(path) << text;
    EXPECT_TRUE(absl::IsInvalidArgument(read_run_config(path).status())) << text;
  }
}

}  // namespace
}  // namespace accelerate::metrics
