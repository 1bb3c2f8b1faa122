// Jobs of several machines that are network namespaces on a bridge, whose links can be cut.

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/supervisor/testing/machines.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;

constexpr int kMostMachines = 3;

bool shell(const std::string& command) { return std::system((command + " 2>&1").c_str()) == 0; }

// Makes this process the switch between machines m0, m1, m2 with the addresses 10.77.0.1 to .3 and
// fd77::1 to ::3. All of it lies in namespaces of this process, and vanishes with it, however it
// ends. Says why it cannot be had, or nothing.
std::string join_machines() {
  if (geteuid() != 0) return "only root can make network namespaces";
  if (!shell("ip -V > /dev/null")) return "there is no program `ip` (Debian: iproute2)";
  if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) {
    return std::string("this machine allows no namespaces: ") + std::strerror(errno);
  }
  // Where `ip netns` keeps its names, for this process alone.
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("none", "/run", "tmpfs", 0, nullptr) != 0) {
    return std::string("this machine allows no mounts: ") + std::strerror(errno);
  }
  if (!shell("ip link add switch type bridge && ip link set switch up")) {
    return "this machine's kernel has no bridge";
  }
  for (int machine = 0; machine < kMostMachines; ++machine) {
    const std::string name = "m" + std::to_string(machine);
    const std::string number = std::to_string(machine + 1);
    const bool is_joined =
        shell("ip netns add " + name) &&
        shell("ip link add " + name + " type veth peer name eth0 netns " + name) &&
        shell("ip link set " + name + " master switch up") &&
        shell("ip -n " + name + " link set lo up") &&
        shell("ip -n " + name + " addr add 10.77.0." + number + "/24 dev eth0") &&
        shell("ip -n " + name + " addr add fd77::" + number + "/64 dev eth0 nodad") &&
        shell("ip -n " + name + " link set eth0 up");
    if (!is_joined) return "this machine's kernel cannot join namespaces by veth";
  }
  return "";
}

class Network : public testing::Test {
 protected:
  static void SetUpTestSuite() { obstacle_ = join_machines(); }

  void SetUp() override {
    if (!obstacle_.empty()) GTEST_SKIP() << obstacle_;
  }

  static MachinesOptions machines(const std::string& script) {
    return {.num_machines = kMostMachines,
            .address = "10.77.0.1",
            .flags = {"--num_processes=3",
                      "--rdzv_conf=keep_alive_interval=1,keep_alive_max_attempt=2"},
            .script = script,
            .wrapper = [](int machine) {
              return Words{"/usr/bin/env", "ip", "netns", "exec", "m" + std::to_string(machine)};
            }};
  }

  static inline std::string obstacle_;
};

const char kPrintPlace[] = "echo rank $RANK at $MASTER_ADDR through $GLOO_SOCKET_IFNAME";
const char kWait[] = "echo up; exec sleep 1000";

TEST_F(Network, CarriesAJob) {
  Machines joined(machines(kPrintPlace));
  EXPECT_THAT(joined.wait_for_all(), Each(0));
  for (int machine = 0; machine < kMostMachines; ++machine) {
    EXPECT_EQ(joined[machine].output(),
              "rank " + std::to_string(machine) + " at 10.77.0.1 through eth0\n");
  }
}

TEST_F(Network, CarriesAJobByIpv6WithMachinesThatHaveNoNumber) {
  MachinesOptions options = machines(kPrintPlace);
  options.address = "fd77::2";
  options.numbers_by_arrival = true;
  Machines joined(options);
  EXPECT_THAT(joined.wait_for_all(), Each(0));
  EXPECT_EQ(joined[1].output(), "rank 0 at fd77::2 through eth0\n");
}

TEST_F(Network, NamesTheMachineThatIsCutOff) {
  Machines joined(machines(kWait));
  joined.wait_for_output_of_all("up\n");
  ASSERT_TRUE(shell("ip link set m1 down"));
  EXPECT_THAT(joined.wait_for_all(), Each(1));
  ASSERT_TRUE(shell("ip link set m1 up"));
  for (const int other : {0, 2}) {
    EXPECT_THAT(joined[other].errors(),
                AllOf(HasSubstr("accelerate: machine 1 (10.77.0.2) is lost ("),
                      HasSubstr("; the processes of this machine were stopped.\n")));
  }
  EXPECT_THAT(joined[1].errors(), AllOf(HasSubstr("accelerate: machine 0 at 10.77.0.1 port "),
                                        HasSubstr(" is lost (")));
  EXPECT_TRUE(joined.vanish());
}

TEST_F(Network, NamesTheMainMachineThatIsCutOff) {
  Machines joined(machines(kWait));
  joined.wait_for_output_of_all("up\n");
  // At the machine itself, as where somebody pulls the cable out of it.
  ASSERT_TRUE(shell("ip -n m0 link set eth0 down"));
  EXPECT_THAT(joined.wait_for_all(), Each(1));
  ASSERT_TRUE(shell("ip -n m0 link set eth0 up"));
  for (const int other : {1, 2}) {
    EXPECT_THAT(joined[other].errors(), AllOf(HasSubstr("accelerate: machine 0 at 10.77.0.1 port "),
                                              HasSubstr(" is lost (")));
  }
  EXPECT_THAT(joined[0].errors(), HasSubstr(" is lost ("));
  EXPECT_TRUE(joined.vanish());
}

}  // namespace
}  // namespace accelerate::launcher
