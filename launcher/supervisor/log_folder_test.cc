#include "launcher/supervisor/log_folder.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(LogFolder, IsANewOneForEachRun) {
  const std::string log_dir = testing::TempDir() + "/a/b";
  const auto first = LogFolder::create(log_dir, "job/7");
  const auto second = LogFolder::create(log_dir, "job/7");
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_THAT(first->path(), StartsWith(log_dir + "/job_7_"));
  EXPECT_NE(first->path(), second->path());
}

TEST(LogFolder, HasAFolderForEachAttemptAndRank) {
  const auto logs = LogFolder::create(testing::TempDir() + "/ranks", "none");
  ASSERT_TRUE(logs.ok()) << logs.status();
  const auto folder = logs->make_rank_folder(1, 2);
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_EQ(*folder, logs->path() + "/attempt_1/2");
  EXPECT_TRUE(std::filesystem::is_directory(*folder));
}

TEST(LogFolder, TellsMachinesApart) {
  EXPECT_EQ(log_name({.run_id = "job"}), "job");
  EXPECT_EQ(log_name({.num_machines = 4, .machine_rank = 3, .run_id = "job"}), "job_machine3");
}

TEST(LogFolder, SaysWhyThereIsNone) {
  const std::string file = testing::TempDir() + "/file";
  std::ofstream(file) << "";
  EXPECT_THAT(std::string(LogFolder::create(file, "none").status().message()),
              AllOf(HasSubstr("cannot make the folder " + file), HasSubstr("correct --log_dir")));
}

}  // namespace
}  // namespace accelerate::launcher
