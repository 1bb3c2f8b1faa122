#include "launcher/rendezvous/coordinator.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/env/size_limits.h"
#include "launcher/posix/listening_socket.h"
#include "launcher/rendezvous/member.h"
#include "testing/network/ipv6_loopback.h"

namespace accelerate::launcher {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::vector<Term> kTerms = {{"--num_machines", "3"}, {"--mixed_precision", "no"}};

// A job of three machines in this process: a coordinator, and members that each test lets in.
class CoordinatorTest : public testing::Test {
 protected:
  explicit CoordinatorTest(int max_restarts = 0, RendezvousSettings settings = {})
      : settings_(settings) {
    absl::StatusOr<ListeningSocket> socket = open_listening_socket(0, Reach::kNetwork);
    port_ = socket->port;
    coordinator_ =
        *Coordinator::make(std::move(socket->fd),
                           {.num_machines = 3,
                            .max_restarts = max_restarts,
                            .own_hello = hello(0),
                            .settings = settings,
                            .remark = [this](const std::string& it) { remarks_.push_back(it); }});
    members_.push_back(std::make_unique<Member>(MemberOptions{.port = port_, .hello = hello(0)},
                                                *coordinator_->connect_own()));
  }

  static Hello hello(std::optional<int> rank) { return hello(rank, rank.value_or(0) + 1); }
  static Hello hello(std::optional<int> rank, int size) {
    return {.job_id = "tulips", .machine_rank = rank, .num_processes = size, .terms = kTerms};
  }

  Member& join(const Hello& hello) {
    members_.push_back(
        std::make_unique<Member>(MemberOptions{.host = has_ipv6_loopback() ? "::1" : "127.0.0.1",
                                               .port = port_,
                                               .hello = hello,
                                               .settings = settings_}));
    return *members_.back();
  }

  // All three, joined.
  void join_all() {
    join(hello(1));
    join(hello(2));
    talk_until([this] { return all([](const Member& member) { return member.is_joined(); }); });
  }

  void make_ready(int attempt) {
    for (std::size_t i = 0; i < members_.size(); ++i) {
      members_[i]->send(Ready{.attempt = attempt, .store_port = 40'000 + attempt});
    }
  }

  void start_all(int attempt = 0) {
    make_ready(attempt);
    talk_until(
        [this] { return all([](const Member& member) { return member.start().has_value(); }); });
  }

  // The members' side of a machine that dies.
  void lose(int rank) { members_.erase(members_.begin() + rank); }

  template <class Condition>
  bool all(Condition&& condition) const {
    return std::all_of(members_.begin(), members_.end(),
                       [&](const auto& member) { return condition(*member); });
  }

  bool all_stopped() const {
    return all([](const Member& member) { return member.stop().has_value(); });
  }

  // Lets everybody talk until the condition holds; a test that waits in vain is ended by its
  // runner.
  void talk_until(const std::function<bool()>& condition) {
    while (!condition()) {
      std::vector<pollfd> polled;
      coordinator_->add_to(polled);
      std::vector<std::optional<milliseconds>> waits = {coordinator_->wait()};
      for (const auto& member : members_) {
        member->add_to(polled);
        waits.push_back(member->wait());
      }
      milliseconds shortest(100);
      for (const auto& wait : waits) shortest = std::min(shortest, wait.value_or(shortest));
      poll(polled.data(), polled.size(), static_cast<int>(shortest.count()));
      coordinator_->handle();
      for (const auto& member : members_) member->handle();
    }
  }

  // Somebody from the network.
  FileDescriptor connect_stranger() const {
    const Address address = resolve("127.0.0.1", port_)->front();
    FileDescriptor fd(socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_EQ(connect(fd.get(), address.get(), address.size), 0);
    return fd;
  }

  RendezvousSettings settings_;
  int port_ = 0;
  std::vector<std::string> remarks_;
  std::unique_ptr<Coordinator> coordinator_;
  std::vector<std::unique_ptr<Member>> members_;
};

struct RestartingTest : CoordinatorTest {
  RestartingTest() : CoordinatorTest(/*max_restarts=*/1) {}
};

struct ImpatientTest : CoordinatorTest {
  ImpatientTest() : CoordinatorTest(0, {.join_timeout = seconds(1)}) {}
};

TEST_F(CoordinatorTest, StartsWhenAllAreReadyAndEndsWhenAllHaveEndedWell) {
  join_all();
  members_[0]->send(Ready{.attempt = 0, .store_port = 40'000});
  members_[1]->send(Ready{.attempt = 0});
  EXPECT_FALSE(all([](const Member& member) { return member.start().has_value(); }));
  start_all();
  for (const int rank : {0, 1, 2}) {
    EXPECT_EQ(members_[rank]->start(),
              (Start{.store_port = 40'000, .first_rank = rank * (rank + 1) / 2, .world_size = 6}));
    members_[rank]->send(MachineEnd{});
  }
  talk_until([this] {
    return all([](const Member& member) { return member.is_finished(); }) &&
           coordinator_->is_over();
  });
  // Who has heard the last word does not come again.
  for (int round = 0; round < 3; ++round) {
    for (const auto& member : members_) member->handle();
    coordinator_->handle();
  }
  EXPECT_THAT(remarks_, IsEmpty());
}

TEST_F(CoordinatorTest, CountsTheProcessesThatAMachineHasWhenItComesAgain) {
  join_all();
  lose(1);
  talk_until([this] { return !remarks_.empty(); });
  const Member& machine = join(hello(1, 5));
  talk_until([&] { return machine.is_joined(); });
  start_all();
  EXPECT_EQ(machine.start()->first_rank, 1);
  EXPECT_EQ(members_[1]->start()->first_rank, 6);
  EXPECT_EQ(members_[0]->start()->world_size, 9);
}

TEST_F(CoordinatorTest, RefusesMoreProcessesThanThereCanBeTogether) {
  const Member& machine = join(hello(1, kMostProcesses - 1));
  talk_until([&] { return machine.is_joined(); });
  const Member& other = join(hello(2));
  talk_until([&] { return other.stop().has_value(); });
  EXPECT_THAT(other.stop()->cause,
              HasSubstr("with its 3 processes there would be 1000003, which are more than 1000000; "
                        "correct --nproc_per_node"));
}

TEST_F(CoordinatorTest, NumbersMachinesInTheOrderOfArrival) {
  Member& first = join(hello(std::nullopt));
  talk_until([&] { return first.is_joined(); });
  Member& second = join(hello(std::nullopt));
  talk_until([&] { return second.is_joined(); });
  EXPECT_EQ(first.machine_rank(), 1);
  EXPECT_EQ(second.machine_rank(), 2);
  Member& third = join(hello(std::nullopt));
  talk_until([&] { return third.stop().has_value(); });
  EXPECT_THAT(third.stop()->cause, HasSubstr("all 3 machines are there already"));
}

TEST_F(CoordinatorTest, RefusesWhoDoesNotFitAndSaysItHereAndThere) {
  join_all();
  const auto refusal = [this](const Hello& hello) {
    Member& member = join(hello);
    talk_until([&] { return member.stop().has_value(); });
    EXPECT_THAT(remarks_.back(), AllOf(HasSubstr("was refused")));
    const std::string cause = member.stop()->cause;
    EXPECT_THAT(cause, HasSubstr(remarks_.back().substr(remarks_.back().find("refused: ") + 9)));
    return cause;
  };
  EXPECT_THAT(refusal(hello(1)), HasSubstr("--machine_rank=1 is taken by ::1"));
  EXPECT_THAT(refusal(hello(0)), HasSubstr("--machine_rank=0 is taken by the machine where all"));
  EXPECT_THAT(refusal(hello(3)), HasSubstr("--machine_rank=3 is not below --num_machines=3"));
  Hello other_precision = hello(1);
  other_precision.terms[1].value = "bf16";
  EXPECT_THAT(refusal(other_precision), HasSubstr("--mixed_precision is bf16 there and no on"));
  Hello other_build = hello(1);
  other_build.terms.push_back({"the build of the program", "1234"});
  EXPECT_THAT(refusal(other_build),
              HasSubstr("the build of the program is 1234 there and not said"));
}

TEST_F(CoordinatorTest, TakesNobodyWhoLacksTheJobsIdAndTellsItToNobody) {
  for (const std::string id : {"", "tulip", "tulipa", "tulips "}) {
    Hello stranger = hello(1);
    stranger.job_id = id;
    Member& member = join(stranger);
    talk_until([&] { return member.stop().has_value(); });
    EXPECT_THAT(member.stop()->cause, AllOf(HasSubstr("--rdzv_id"), Not(HasSubstr("tulip"))));
    EXPECT_THAT(remarks_.back(), Not(HasSubstr("tulip")));
  }
}

TEST_F(CoordinatorTest, TellsEveryoneWhoFailedFirst) {
  join_all();
  start_all();
  members_[2]->send(
      MachineEnd{.kind = EndKind::kFailedRank, .rank = 5, .by_signal = true, .code = 11});
  talk_until([this] { return all_stopped() && coordinator_->is_over(); });
  for (const auto& member : members_) {
    EXPECT_EQ(member->stop()->machine, 2);
    EXPECT_THAT(member->stop()->cause,
                HasSubstr("rank 5 on machine 2 (::1) was killed by signal 11 (SIGSEGV"));
    EXPECT_EQ(member->stop()->exit_code, 139);
    EXPECT_TRUE(member->stop()->is_worker_end);
    EXPECT_FALSE(member->stop()->is_restarted);
  }
}

TEST_F(CoordinatorTest, TellsEveryoneWhichSignalCameWhere) {
  join_all();
  members_[1]->send(MachineEnd{.kind = EndKind::kSignal, .code = 15});
  talk_until([this] { return all_stopped(); });
  EXPECT_EQ(members_[0]->stop()->cause, "machine 1 (::1) received SIGTERM");
  EXPECT_EQ(members_[2]->stop()->exit_code, 143);
}

TEST_F(CoordinatorTest, TellsEveryoneWhoCouldNotStart) {
  join_all();
  start_all();
  members_[1]->send(MachineEnd{.kind = EndKind::kNotStarted, .text = "no more processes"});
  talk_until([this] { return all_stopped(); });
  EXPECT_EQ(members_[2]->stop()->cause,
            "machine 1 (::1) cannot start its processes: no more processes");
}

TEST_F(CoordinatorTest, NoticesALostMachine) {
  join_all();
  start_all();
  lose(1);
  talk_until([this] { return all_stopped(); });
  EXPECT_THAT(members_[0]->stop()->cause, HasSubstr("machine 1 (::1) is lost"));
  EXPECT_THAT(members_[1]->stop()->cause, HasSubstr("machine 1 (::1) is lost"));
}

TEST_F(CoordinatorTest, WaitsForAMachineThatLeavesBeforeTheStart) {
  join_all();
  lose(2);
  talk_until([this] { return !remarks_.empty(); });
  EXPECT_THAT(remarks_, ElementsAre(HasSubstr("machine 2 (::1) went away before the start")));
  Member& again = join(hello(2));
  talk_until([&] { return again.is_joined(); });
  start_all();
}

TEST_F(CoordinatorTest, IsMissedByItsMembers) {
  join_all();
  start_all();
  coordinator_.reset();
  members_.erase(members_.begin());
  for (const auto& member : members_) {
    while (!member->stop().has_value()) member->handle();
    EXPECT_THAT(member->stop()->cause,
                AllOf(HasSubstr("machine 0 at ::1 port"), HasSubstr("lost")));
    EXPECT_EQ(member->stop()->exit_code, 1);
  }
}

TEST_F(RestartingTest, StartsAgainWhenAllHaveStopped) {
  join_all();
  start_all();
  members_[1]->send(MachineEnd{.kind = EndKind::kFailedRank, .rank = 3, .code = 7});
  talk_until([this] { return all_stopped(); });
  EXPECT_TRUE(members_[0]->stop()->is_restarted);
  // Of the attempt that is over: the coordinator has heard of its end.
  members_[2]->send(MachineEnd{.kind = EndKind::kFailedRank, .rank = 4, .code = 1});
  start_all(/*attempt=*/1);
  EXPECT_EQ(members_[2]->start(),
            (Start{.attempt = 1, .store_port = 40'001, .first_rank = 3, .world_size = 6}));
  members_[1]->send(MachineEnd{.kind = EndKind::kFailedRank, .attempt = 1, .rank = 3, .code = 7});
  talk_until([this] { return all_stopped(); });
  EXPECT_FALSE(members_[0]->stop()->is_restarted);
}

TEST_F(RestartingTest, EndsTheJobWhenAMachineIsLostMeanwhile) {
  join_all();
  start_all();
  members_[1]->send(MachineEnd{.kind = EndKind::kFailedRank, .rank = 3, .code = 7});
  talk_until([this] { return all_stopped(); });
  lose(2);
  make_ready(1);
  talk_until([this] { return all_stopped(); });
  EXPECT_THAT(members_[0]->stop()->cause, HasSubstr("machine 2 (::1) is lost"));
  EXPECT_FALSE(members_[0]->stop()->is_restarted);
}

TEST_F(ImpatientTest, NamesTheMachinesThatDoNotArrive) {
  make_ready(0);
  talk_until([this] { return all_stopped(); });
  EXPECT_EQ(members_[0]->stop()->cause,
            "machines 1, 2 of 3 did not arrive within 1 s; start the launcher there with the same "
            "--main_process_ip and port, look for firewalls, or raise --rdzv_conf join_timeout");
}

TEST_F(ImpatientTest, IsLookedForNoLongerThanThat) {
  Member& member = join(hello(1));
  coordinator_.reset();
  while (!member.stop().has_value()) {
    std::vector<pollfd> polled;
    member.add_to(polled);
    poll(polled.data(), polled.size(), static_cast<int>(member.wait()->count()));
    member.handle();
  }
  EXPECT_THAT(member.stop()->cause, AllOf(HasSubstr("did not accept this machine at ::1 port"),
                                          HasSubstr("within 1 s"), HasSubstr("--main_process_ip")));
}

// Port scanners, slow ones, and those who speak the language badly: the job goes its way.
TEST_F(CoordinatorTest, IsNotHarmedByStrangers) {
  std::mt19937 random(1);
  const auto below = [&random](std::size_t limit) { return random() % limit; };
  std::vector<FileDescriptor> strangers;
  const auto annoy = [&] {
    for (int i = 0; i < 40; ++i) {
      std::string bytes = below(2) == 0 ? encode(hello(1)) : encode(Start());
      for (std::size_t change = below(8); change > 0; --change) {
        bytes[below(bytes.size())] = static_cast<char>(below(256));
      }
      if (below(2) == 0) bytes.resize(below(16));
      // A whole hello would be taken.
      if (bytes == encode(hello(1))) bytes.pop_back();
      strangers.push_back(connect_stranger());
      send(strangers.back().get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (below(3) == 0) strangers.pop_back();
      coordinator_->handle();
    }
  };
  annoy();
  join_all();
  annoy();
  start_all();
  annoy();
  for (const auto& member : members_) member->send(MachineEnd{});
  annoy();
  talk_until([this] { return coordinator_->is_over(); });
}

// More than it keeps at a time: the oldest go.
TEST_F(CoordinatorTest, LetsMachinesInThoughStrangersWait) {
  std::vector<FileDescriptor> strangers;
  for (int i = 0; i < 300; ++i) {
    strangers.push_back(connect_stranger());
    coordinator_->handle();
  }
  join_all();
  start_all();
}

TEST_F(CoordinatorTest, SaysWhichSystemCallFailed) {
  const auto failed = Coordinator::make(FileDescriptor(), {});
  EXPECT_THAT(failed.status().message(), HasSubstr("fcntl failed: Bad file descriptor"));
  rlimit limit = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  rlimit none = limit;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const absl::StatusOr<FileDescriptor> own = coordinator_->connect_own();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_THAT(own.status().message(), HasSubstr("socketpair failed: Too many open files"));
}

}  // namespace
}  // namespace accelerate::launcher
