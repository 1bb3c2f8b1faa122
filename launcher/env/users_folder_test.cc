#include "launcher/env/users_folder.h"

#include <cstdlib>
#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(UsersFolder, IsWhereBazelRunWasCalled) {
  const std::filesystem::path start = std::filesystem::current_path();
  unsetenv("BUILD_WORKING_DIRECTORY");
  EXPECT_TRUE(enter_users_folder().ok());
  EXPECT_EQ(std::filesystem::current_path(), start);
  setenv("BUILD_WORKING_DIRECTORY", "/", /*replace=*/1);
  EXPECT_TRUE(enter_users_folder().ok());
  EXPECT_EQ(std::filesystem::current_path(), "/");
  std::filesystem::current_path(start);
}

TEST(UsersFolder, IsThatOfAProcessWhichBazelDidNotStart) {
  const std::filesystem::path start = std::filesystem::current_path();
  setenv("BUILD_WORKING_DIRECTORY", "/", /*replace=*/1);
  const std::filesystem::path folder = testing::TempDir();
  const std::filesystem::path others_runfiles = folder / "users_folder_test.runfiles" / "_main";
  std::filesystem::create_directories(others_runfiles);
  for (const std::filesystem::path& elsewhere : {folder, others_runfiles}) {
    std::filesystem::current_path(elsewhere);
    EXPECT_TRUE(enter_users_folder().ok());
    EXPECT_EQ(std::filesystem::current_path(), std::filesystem::canonical(elsewhere));
  }
  std::filesystem::current_path(start);
}

TEST(UsersFolder, IsLeftWithASentenceWhereItIsGone) {
  setenv("BUILD_WORKING_DIRECTORY", "/no/such/folder", /*replace=*/1);
  EXPECT_THAT(std::string(enter_users_folder().message()),
              AllOf(HasSubstr("cannot enter the folder /no/such/folder: No such file"),
                    HasSubstr("relative paths start in the runfiles")));
}

}  // namespace
}  // namespace accelerate::launcher
