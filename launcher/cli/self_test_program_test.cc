#include "launcher/cli/self_test_program.h"

#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class SelfTestProgram : public ::testing::Test {
 protected:
  SelfTestProgram() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    root_ = fs::path(::testing::TempDir()) / info->name();
    fs::create_directories(root_ / "bin");
  }
  ~SelfTestProgram() override { fs::remove_all(root_); }

  std::string make_program(const std::string& place, bool executable = true) const {
    const fs::path path = root_ / place;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << "#!/bin/sh\n";
    if (executable) fs::permissions(path, fs::perms::owner_all);
    return path.string();
  }

  fs::path root_;
};

TEST_F(SelfTestProgram, IsFoundWhereverItIsBuiltOrInstalled) {
  for (const std::string place :
       {"accelerate/self_test/accelerate-self-test", "libexec/accelerate/accelerate-self-test",
        "bin/accelerate-self-test"}) {
    const std::string program = make_program(place);
    const auto found = find_self_test_program(root_ / "bin");
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(*found, program);
  }
}

TEST_F(SelfTestProgram, IsNoFileThatCannotBeExecuted) {
  make_program("bin/accelerate-self-test", /*executable=*/false);
  fs::create_directories(root_ / "accelerate/self_test/accelerate-self-test");
  EXPECT_FALSE(find_self_test_program(root_ / "bin").ok());
}

TEST_F(SelfTestProgram, IsToldHowToBuildWhereItIsMissing) {
  const auto found = find_self_test_program(root_ / "bin");
  EXPECT_EQ(found.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(found.status().message(), HasSubstr((root_ / "bin").string()));
  EXPECT_THAT(found.status().message(),
              HasSubstr("bazel build //accelerate/self_test:accelerate-self-test"));
}

}  // namespace
}  // namespace accelerate::launcher
