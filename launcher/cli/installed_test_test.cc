// `accelerate test` where the self-test is a script beside the command, as in an installed tree.
#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/config/config_testing.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

TEST(InstalledTest, NeedsNoConfigAndAsksForNone) {
  const std::string folder = make_folder();
  const std::string command = folder + "/accelerate";
  fs::copy_file(fs::canonical("launcher/accelerate"), command);
  const std::string program = folder + "/accelerate-self-test";
  write_text(program, "#!/bin/sh\necho rank $RANK of $WORLD_SIZE\n");
  fs::permissions(program, fs::perms::owner_all);
  const ProgramEnd end =
      run_to_end({.arguments = {"/usr/bin/env", "HF_HOME=" + folder, command, "test", "--cpu"}});
  EXPECT_EQ(end.code, 0);
  EXPECT_EQ(end.errors, "") << "a remark about defaults, say";
  EXPECT_THAT(end.output, HasSubstr("rank 1 of 2\n"));
}

}  // namespace
}  // namespace accelerate::launcher
