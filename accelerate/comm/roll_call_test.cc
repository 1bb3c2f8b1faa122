// Processes that come to a run that does not wait for them: the run goes on.
#include "accelerate/comm/roll_call.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <vector>

#include "accelerate/comm/store/door.h"
#include "accelerate/comm/testing/world_test.h"
#include "launcher/env/rank_states.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

class RollCallTest : public WorldTest {
 protected:
  // What a further process is told that comes to this run as one of its processes.
  std::string refusal_of(launcher::WorkerEnvironment worker, ProcessGroupOptions options = {}) {
    const auto info = make_process_info(worker, c10::DeviceType::CPU);
    return message_of([&] { Communicator::connect(worker, info, options); });
  }
  void expect_to_go_on() {
    at::Tensor sum = at::full({3}, rank_ + 1);
    world_->all_reduce(sum, ReduceOp::kSum);
    EXPECT_EQ(sum[0].item<int>(), size_ * (size_ + 1) / 2);
  }

  launcher::WorkerEnvironment own_ = launcher::read_worker_environment().value().value();
};

TEST_F(RollCallTest, RefusesWhoComesWhenAllAreThere) {
  launcher::WorkerEnvironment larger = own_;
  larger.world_size = 5;
  larger.rank = 4;
  larger.local_world_size = 5;
  larger.local_rank = 4;
  for (const launcher::WorkerEnvironment& late : {own_, larger}) {
    const std::string message = refusal_of(late);
    EXPECT_THAT(message, HasSubstr("was refused by the process group at 127.0.0.1:"));
    EXPECT_THAT(message,
                ContainsRegex("all processes of the run at this port have joined already \\("
                              "its rank 0 is process [0-9]+\\)"));
    EXPECT_THAT(message, HasSubstr("its own port"));
  }
  expect_to_go_on();
}

TEST_F(RollCallTest, LetsNobodyTakeTheFilesOfRankZero) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(own_.main_port));
  std::vector<pollfd> visitors;
  for (int visit = 0; visit < 50; ++visit) {
    const int visitor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    connect(visitor, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    visitors.push_back({.fd = visitor, .events = POLLOUT, .revents = 0});
  }
  // Within this machine they would be there at once.
  EXPECT_EQ(poll(visitors.data(), visitors.size(), 0), 0);
  for (const pollfd& each : visitors) close(each.fd);
  expect_to_go_on();
}

TEST_F(RollCallTest, SaysThatThePortIsTaken) {
  if (rank_ == 0) {
    // Of another run that has the port, this one is rank 0.
    launcher::WorkerEnvironment other = own_;
    const int taken = internal::listen_at("127.0.0.1", 0);
    sockaddr_in address = {};
    socklen_t size = sizeof(address);
    getsockname(taken, reinterpret_cast<sockaddr*>(&address), &size);
    other.main_port = ntohs(address.sin_port);
    other.store_fd = std::nullopt;
    EXPECT_THAT(refusal_of(other),
                HasSubstr("is taken by another process; choose another port, the same for all "
                          "processes (MASTER_PORT, or --main_process_port of a launcher)"));
    close(taken);
  }
  expect_to_go_on();
}

// Who comes before that.
class EarlyRollCallTest : public testing::Test {
 protected:
  std::optional<std::string> answer(int rank, const std::string& terms) {
    return internal::answer_roll_call(
        *store_, {.worker = {.rank = rank}, .terms = terms, .timeout = std::chrono::seconds(1)});
  }

  c10::intrusive_ptr<c10d::Store> store_ = c10::make_intrusive<c10d::HashStore>();
};

TEST_F(EarlyRollCallTest, RefusesARankThatIsThereAlready) {
  EXPECT_FALSE(answer(0, "two").has_value());
  EXPECT_FALSE(answer(1, "two").has_value());
  for (const int rank : {0, 1}) {
    const std::string reason = answer(rank, "two").value_or("no reason");
    EXPECT_THAT(reason, HasSubstr("rank " + std::to_string(rank) +
                                  " has joined already, as process " + std::to_string(getpid())));
    EXPECT_THAT(reason, HasSubstr("its own port"));
  }
}

TEST_F(EarlyRollCallTest, RepeatsNothingThatATerminalObeys) {
  store_->set("terms", "a\x1b[2J\u009b" + std::string(100'000, 'x'));
  const std::string reason = answer(1, "two").value_or("no reason");
  EXPECT_THAT(reason, HasSubstr("a run of a [2J?xxx"));
  EXPECT_LT(reason.size(), 1000);
}

TEST_F(EarlyRollCallTest, RefusesAProcessOfARunOfAnotherKind) {
  EXPECT_FALSE(answer(0, "3 processes on cpu").has_value());
  EXPECT_THAT(answer(4, "5 processes on cpu").value_or("no reason"),
              HasSubstr("rank 0 at this address belongs to a run of 3 processes on cpu, and this "
                        "process to a run of 5 processes on cpu"));
  EXPECT_FALSE(answer(1, "3 processes on cpu").has_value());
}

// Who does not come at all.
class AbsenceTest : public EarlyRollCallTest {
 protected:
  internal::RollCall call(int rank) {
    return {.worker = {.rank = rank,
                       .world_size = 3,
                       .local_rank = rank,
                       .local_world_size = 3,
                       .rank_states = states_->path()},
            .terms = "three",
            .timeout = std::chrono::milliseconds(1)};
  }
  void come(int rank) { EXPECT_FALSE(internal::answer_roll_call(*store_, call(rank)).has_value()); }

  absl::StatusOr<launcher::RankStates> states_ = launcher::RankStates::create(3);
};

TEST_F(AbsenceTest, IsOfWhoEndedWithoutComing) {
  come(0);
  come(1);
  states_->note_end(2);
  // Who has come will not be missed for having ended.
  states_->note_end(0);
  EXPECT_THAT(internal::wait_for_all(*store_, call(1)).value_or("no reason"),
              HasSubstr("rank 2 has ended (with exit code 0) without joining the run, and "
                        "the others are waiting for it; make an Accelerator in all processes, or "
                        "in none"));
}

TEST_F(AbsenceTest, IsOfRankZeroToo) {
  states_->note_end(0);
  EXPECT_THAT(internal::answer_roll_call(*store_, call(1)).value_or("no reason"),
              HasSubstr("rank 0 has ended"));
  const auto waited = [&](const launcher::WorkerEnvironment& worker) {
    return internal::wait_for_store(worker, std::chrono::milliseconds(1)).value_or("no reason");
  };
  EXPECT_THAT(waited(call(1).worker), HasSubstr("rank 0 has ended"));
  launcher::WorkerEnvironment elsewhere = call(1).worker;
  elsewhere.rank = 4;
  EXPECT_EQ(waited(elsewhere), "no reason");
}

TEST_F(AbsenceTest, OfRankZeroIsNotKnownUntilItsStoreIsThere) {
  const launcher::WorkerEnvironment worker = call(1).worker;
  const auto wait = [&] { return internal::wait_for_store(worker, std::chrono::milliseconds(1)); };
  EXPECT_THAT(message_of(wait), HasSubstr("rank 0 has not joined within 0 s"));
  launcher::note_store(states_->path(), 0);
  EXPECT_FALSE(wait().has_value());
}

TEST_F(AbsenceTest, IsNamedWhenTheTimeIsOver) {
  store_->set("terms", "three");
  come(1);
  EXPECT_THAT(message_of([&] { internal::wait_for_all(*store_, call(1)); }),
              HasSubstr("these ranks have not joined within 0 s: 0, 2 (2 of 3)"));
}

TEST_F(AbsenceTest, IsNobodysWhenAllHaveCome) {
  come(0);
  come(1);
  come(2);
  store_->add("here", 2);
  EXPECT_FALSE(internal::wait_for_all(*store_, call(0)).has_value());
  EXPECT_FALSE(internal::wait_for_all(*store_, call(1)).has_value());
}

// In a store that has seen a start whose rank 0 has gone.
TEST_F(AbsenceTest, OfThePresentRankZeroIsNotHiddenByThatOfTheStartBefore) {
  const auto join = [&](internal::RollCall own, const std::string& name) {
    c10d::PrefixStore start(name, store_);
    own.is_over = [this, name] { return internal::is_start_over(*store_, name); };
    if (auto reason = internal::answer_roll_call(start, own)) return reason;
    return internal::wait_for_all(start, own);
  };
  const std::string before = internal::name_of_start(*store_, call(0));
  c10d::PrefixStore first(before, store_);
  EXPECT_FALSE(internal::answer_roll_call(first, call(0)).has_value());
  EXPECT_FALSE(internal::answer_roll_call(first, call(1)).has_value());
  first.add("here", 2);
  // Neither rank 2, which had not come, nor rank 1, which had, gets into that one.
  EXPECT_EQ(internal::name_of_start(*store_, call(2)), before);
  EXPECT_THAT(message_of([&] { join(call(2), before); }), HasSubstr("have not joined"));
  EXPECT_THAT(join(call(1), before).value_or("no reason"), HasSubstr("has joined already"));
  const std::string now = internal::name_of_start(*store_, call(0));
  EXPECT_NE(now, before);
  for (const int rank : {1, 2}) {
    EXPECT_THROW(join(call(rank), before), internal::StartedAnew);
    EXPECT_EQ(internal::name_of_start(*store_, call(rank)), now);
  }
}

}  // namespace
}  // namespace accelerate
