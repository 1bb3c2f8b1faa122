#include "launcher/plan/defaults_remark.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/env/mixed_precision.h"

namespace accelerate::launcher {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const LaunchConfig kAllTold = {.mixed_precision = MixedPrecision::kNo,
                               .num_processes = 1,
                               .num_machines = 1,
                               .dynamo_config = {{"dynamo_backend", "no"}}};

TEST(DefaultsRemark, IsWordedAsTheReferenceWordsIt) {
  const LaunchPlan plan = {.num_processes = 2, .device = DeviceKind::kGpu};
  EXPECT_EQ(defaults_remark({}, plan),
            "The following values were not passed to `accelerate launch` and had defaults used "
            "instead:\n"
            "\t`--num_processes` was set to a value of `2`\n"
            "\t\tMore than one GPU was found, enabling multi-GPU training.\n"
            "\t\tIf this was unintended please pass in `--num_processes=1`.\n"
            "\t`--num_machines` was set to a value of `1`\n"
            "\t`--mixed_precision` was set to a value of `'no'`\n"
            "\t`--dynamo_backend` was set to a value of `'no'`\n"
            "To avoid this warning pass in values for each of the problematic parameters or run "
            "`accelerate config`.\n");
}

TEST(DefaultsRemark, CanBeOfTheThreadsAlone) {
  const LaunchPlan plan = {.threads_per_process = 4};
  const std::string threads =
      "instead:\n\t`--num_cpu_threads_per_process` was set to `4` to improve";
  EXPECT_THAT(defaults_remark({.config = kAllTold}, plan), HasSubstr(threads));
  EXPECT_THAT(defaults_remark({.file = LaunchConfig{}}, plan), HasSubstr(threads));
  EXPECT_THAT(defaults_remark({.config = kAllTold, .threads_per_process = 4}, plan), IsEmpty());
}

TEST(DefaultsRemark, IsSilentWhereAllWasTold) {
  EXPECT_THAT(defaults_remark({.config = kAllTold}, {}), IsEmpty());
  EXPECT_THAT(defaults_remark({.file = LaunchConfig{}}, {}), IsEmpty());
}

}  // namespace
}  // namespace accelerate::launcher
