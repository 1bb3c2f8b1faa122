// What a machine believes of a coordinator, which may be anybody.
#include "launcher/rendezvous/member.h"

#include <poll.h>
#include <sys/socket.h>

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/posix/file_descriptor.h"
#include "launcher/rendezvous/connection.h"
#include "launcher/rendezvous/message.h"

namespace accelerate::launcher {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A member, and the other end of its connection.
class MemberTest : public testing::Test {
 protected:
  MemberTest()
      : member_(std::make_unique<Member>(
            member_of({.hello = {.job_id = "tulips", .machine_rank = 1}, .num_machines = 3}))) {}

  // The other end talks to it from then on.
  Member member_of(const MemberOptions& options) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    coordinator_ = std::make_unique<Connection>(FileDescriptor(ends[0]), RendezvousSettings());
    return Member(options, FileDescriptor(ends[1]));
  }

  void say(const Message& message, Member& member) {
    coordinator_->send(message);
    member.handle();
  }
  void say(const Message& message) { say(message, *member_); }

  static void expect_disbelief(const Member& member) {
    ASSERT_TRUE(member.stop().has_value());
    EXPECT_THAT(member.stop()->cause, HasSubstr("sent a message that makes no sense"));
    EXPECT_EQ(member.stop()->exit_code, 1);
    EXPECT_FALSE(member.is_finished());
  }
  void expect_disbelief() const { expect_disbelief(*member_); }

  std::unique_ptr<Connection> coordinator_;
  std::unique_ptr<Member> member_;
};

TEST_F(MemberTest, GoesThroughAJob) {
  say(Welcome{.machine_rank = 1});
  member_->send(Ready{.attempt = 0});
  say(Start{.attempt = 0, .store_port = 1, .store_secret = "9c", .first_rank = 1, .world_size = 3});
  EXPECT_EQ(member_->start()->store_secret, "9c");
  say(Stop{.machine = 2, .cause = "rank 5 failed", .is_restarted = true});
  member_->send(Ready{.attempt = 1});
  EXPECT_FALSE(member_->stop().has_value());
  say(Start{.attempt = 1, .store_port = 2, .first_rank = 1, .world_size = 3});
  member_->send(MachineEnd{.kind = EndKind::kWell, .attempt = 1});
  say(Finish());
  EXPECT_TRUE(member_->is_finished());
  EXPECT_FALSE(member_->stop().has_value());
}

TEST_F(MemberTest, BelievesNoNumberButItsOwn) {
  say(Welcome{.machine_rank = 2});
  expect_disbelief();
}

TEST_F(MemberTest, BelievesNoStartBeforeItIsTaken) {
  say(Start());
  expect_disbelief();
}

TEST_F(MemberTest, BelievesNoStartOfAnotherAttempt) {
  say(Welcome{.machine_rank = 1});
  member_->send(Ready{.attempt = 1});
  say(Start{.attempt = 0});
  expect_disbelief();
}

// Its one process is to come after those of machine 0, and within all.
TEST_F(MemberTest, BelievesNoRanksThatCannotBeItsOwn) {
  say(Welcome{.machine_rank = 1});
  member_->send(Ready{.attempt = 0});
  say(Start{.first_rank = 0, .world_size = 3});
  expect_disbelief();
}

TEST_F(MemberTest, BelievesNoRanksBeyondTheLast) {
  Member member = member_of({.hello = {.num_processes = 2}, .num_machines = 3});
  say(Welcome{.machine_rank = 1}, member);
  member.send(Ready{.attempt = 0});
  say(Start{.first_rank = 3, .world_size = 4}, member);
  expect_disbelief(member);
}

// As where --num_processes was typed, which counts all.
TEST_F(MemberTest, BelievesNoOtherNumberThanItHasBeenTold) {
  for (const Start& start :
       {Start{.first_rank = 2, .world_size = 7}, Start{.first_rank = 3, .world_size = 6}}) {
    Member member = member_of({.hello = {.num_processes = 2}, .num_machines = 3, .world_size = 6});
    say(Welcome{.machine_rank = 1}, member);
    member.send(Ready{.attempt = 0});
    say(start, member);
    expect_disbelief(member);
  }
}

// It would end with 0, and its processes be gone.
TEST_F(MemberTest, BelievesNoGoodEndWhileItsProcessesRun) {
  say(Welcome{.machine_rank = 1});
  member_->send(Ready{.attempt = 0});
  say(Start{.attempt = 0, .first_rank = 1, .world_size = 3});
  say(Finish());
  expect_disbelief();
}

TEST_F(MemberTest, BelievesNoGoodEndOnceItHasFailed) {
  say(Welcome{.machine_rank = 1});
  member_->send(Ready{.attempt = 0});
  say(Start{.attempt = 0, .first_rank = 1, .world_size = 3});
  member_->send(MachineEnd{.kind = EndKind::kFailedRank, .rank = 1, .code = 7});
  say(Finish());
  expect_disbelief();
}

TEST_F(MemberTest, BelievesNobodyWhoSpeaksLikeAMember) {
  say(Welcome{.machine_rank = 1});
  say(Ready());
  expect_disbelief();
}

TEST(MemberNumberedByArrival, BelievesNoNumberThatThereIsNot) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  Connection coordinator(FileDescriptor{ends[0]}, RendezvousSettings{});
  Member member({.num_machines = 3}, FileDescriptor(ends[1]));
  coordinator.send(Welcome{.machine_rank = 3});
  member.handle();
  EXPECT_TRUE(member.stop().has_value());
}

// A name server that does not answer before the test wants it to.
struct SlowLookup {
  std::promise<void> answer;
  Resolve resolve = [until = answer.get_future().share()](const std::string& host, int port) {
    until.wait();
    return launcher::resolve(host, port);
  };
};

bool can_be_read(int fd, int milliseconds) {
  pollfd polled = {.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&polled, 1, milliseconds) == 1;
}

TEST(MemberOfANamedMachine, DoesNotWaitForANameServer) {
  SlowLookup slow;
  Member member({.host = "localhost", .port = 1, .resolve = slow.resolve});
  member.handle();
  EXPECT_THAT(member.awaited(), HasSubstr("its address is being looked up"));
  std::vector<pollfd> polled;
  member.add_to(polled);
  ASSERT_EQ(polled.size(), 1);
  EXPECT_FALSE(can_be_read(polled[0].fd, 0));

  slow.answer.set_value();
  EXPECT_TRUE(can_be_read(polled[0].fd, -1));
  member.handle();
  EXPECT_THAT(member.awaited(), Not(HasSubstr("its address is being looked up")));
}

TEST(MemberOfANamedMachine, LeavesWhileANameServerIsSilent) {
  SlowLookup slow;
  {
    Member member({.host = "localhost", .port = 1, .resolve = slow.resolve});
    member.leave({.cause = "SIGTERM received", .exit_code = 143});
    member.handle();
    EXPECT_EQ(member.stop()->exit_code, 143);
  }
  slow.answer.set_value();
}

TEST(AddressLookup, IsDoneAtOnceForNumbers) {
  const Resolve never = [](const std::string&, int) -> Addresses {
    ADD_FAILURE() << "a server was asked";
    return std::vector<Address>();
  };
  for (const char* number : {"127.0.0.1", "::1", "10.0.0.1"}) {
    const AddressLookup lookup(number, 29500, never);
    ASSERT_TRUE(lookup.is_done());
    EXPECT_EQ(to_string(lookup.result()->at(0)), number);
    EXPECT_TRUE(can_be_read(lookup.fd(), 0));
  }
}

}  // namespace
}  // namespace accelerate::launcher
