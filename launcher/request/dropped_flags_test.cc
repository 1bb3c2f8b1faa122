// What a request says that nobody takes up.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/env/mixed_precision.h"
#include "launcher/request/request_checks.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(DroppedFlags, AreNamedToAWorkerOfOthers) {
  EXPECT_THAT(dropped_flags_remark({.config = {.num_processes = 2}}, 1),
              AllOf(HasSubstr("--num_processes is ignored: this process is already one of 1"),
                    HasSubstr("unset RANK and WORLD_SIZE")));
  EXPECT_THAT(dropped_flags_remark(
                  {.config = {.num_processes = 2, .num_machines = 2}, .max_restarts = 1}, 4),
              HasSubstr("--num_processes, --num_machines, --max_restarts are ignored"));
}

TEST(DroppedFlags, NameTheNumberOfThisMachineAsWell) {
  EXPECT_THAT(dropped_flags_remark({.processes_per_machine = 2}, 4),
              HasSubstr("--nproc_per_node is ignored"));
}

TEST(DroppedFlags, AreNoneWhereNothingIsLost) {
  EXPECT_EQ(dropped_flags_remark({}, 4), "");
  EXPECT_EQ(dropped_flags_remark({.config = {.num_processes = 4}}, 4), "") << "the same";
  EXPECT_EQ(dropped_flags_remark({.config = {.mixed_precision = MixedPrecision::kBf16}}, 4), "");
}

TEST(DroppedFlags, AreFewerUnderMpirun) {
  EXPECT_EQ(mpirun_flags_remark({.config = {.num_processes = 2}, .max_restarts = 2}), "");
  EXPECT_THAT(mpirun_flags_remark({.config = {.enable_cpu_affinity = true}, .role = "trainer"}),
              AllOf(HasSubstr("--enable_cpu_affinity, --role are ignored"), HasSubstr("mpirun")));
}

TEST(AccumulationSteps, CountWhereTheyWereTyped) {
  const LaunchConfig four = {.deepspeed_config = {{"gradient_accumulation_steps", "4"}}};
  EXPECT_THAT(ignored_remarks({.config = four, .accumulation_steps = "4"}, ProgramOrigin::kHere),
              IsEmpty());
  EXPECT_THAT(ignored_remarks({.config = four, .file = four, .accumulation_steps = "4"},
                              ProgramOrigin::kHere),
              IsEmpty())
      << "also where a file says the same";
  EXPECT_THAT(ignored_remarks({.config = four, .file = four}, ProgramOrigin::kHere),
              ElementsAre(HasSubstr("deepspeed_config")));
}

TEST(Remarks, OfTheCommandLineAreSaid) {
  EXPECT_THAT(ignored_remarks({.remarks = {"a"}}, ProgramOrigin::kElsewhere), ElementsAre("a"));
}

}  // namespace
}  // namespace accelerate::launcher
