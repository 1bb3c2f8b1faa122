// --nproc_per_node, beside --num_processes.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/request/flags.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using Words = std::vector<std::string>;

std::string error(const Words& words) {
  return std::string(parse_launch_flags(words).status().message());
}

TEST(ProcessesPerMachine, AreReadByTheNameOfTorchrun) {
  for (const Words& words : {Words{"--nproc_per_node=3"}, Words{"--nproc-per-node", "3"}}) {
    const auto request = parse_launch_flags(words);
    ASSERT_TRUE(request.ok()) << request.status();
    EXPECT_EQ(*request, LaunchRequest{.processes_per_machine = 3});
  }
}

TEST(ProcessesPerMachine, AreANumber) {
  for (const std::string value : {"0", "-1", "1000001", "x"}) {
    EXPECT_THAT(error({"--nproc_per_node=" + value}),
                AllOf(HasSubstr("--nproc_per_node=" + value + " is not valid"),
                      HasSubstr("from 1 to 1000000")));
  }
  EXPECT_THAT(error({"--nproc_per_node=gpu"}), HasSubstr("leave it out to start one for each GPU"));
}

TEST(ProcessesPerMachine, AreNotCountedTwice) {
  const Words both = {"--num_processes=4", "--nproc_per_node=2"};
  EXPECT_THAT(error(both), HasSubstr("--num_processes=4 counts the processes of all machines, and "
                                     "--nproc_per_node=2 those of this one; leave out one"));
  Words command = both;
  command.push_back("x.py");
  EXPECT_EQ(std::string(parse_launch_command(command).status().message()), error(both));
}

}  // namespace
}  // namespace accelerate::launcher
