// One machine's side of the talk with the coordinator.
//
// Example:
//   Member member(MemberOptions{.host = "10.0.0.1", .port = 29500, .hello = hello});
//   // In the launcher's loop: add_to(), wait(), handle(), as with a Coordinator.
//   if (member.is_joined()) member.send(Ready{.attempt = 0});
//   if (member.start().has_value()) start_processes(member.start()->store_port);
//   if (member.stop().has_value()) stop_processes();
//
// Nothing in it waits. Not for machine 0 alone: it has the coordinator too (JobLink).
#pragma once

#include <poll.h>

#include <chrono>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "launcher/posix/address.h"
#include "launcher/posix/address_lookup.h"
#include "launcher/posix/file_descriptor.h"
#include "launcher/rendezvous/connection.h"
#include "launcher/rendezvous/message.h"
#include "launcher/request/rendezvous_settings.h"

namespace accelerate::launcher {

struct MemberOptions {
  std::string host = "127.0.0.1";  // Where the coordinator listens;
  int port = 29500;                // it is tried again until the time for joining is over.
  Hello hello = {};
  int num_machines = std::numeric_limits<int>::max();
  // Of the job, where each machine is to have as many processes as this one.
  std::optional<int> world_size = std::nullopt;
  RendezvousSettings settings = {};
  Resolve resolve = launcher::resolve;  // How the host's addresses are found.
};

// Not thread-safe.
class Member {
 public:
  explicit Member(MemberOptions options);
  // Of machine 0, connected already.
  Member(MemberOptions options, FileDescriptor socket);

  void add_to(std::vector<pollfd>& polled) const;
  std::optional<std::chrono::milliseconds> wait() const;
  void handle();

  // The coordinator has taken this machine, which has a rank from then on.
  bool is_joined() const { return machine_rank_.has_value(); }
  std::optional<int> machine_rank() const { return machine_rank_; }

  // To a coordinator that has taken this machine; forgotten where it is gone. What was heard of the
  // attempt before is over with a Ready.
  void send(const Message& message);

  // The current attempt has started on all machines;
  const std::optional<Start>& start() const { return start_; }
  // or is to be stopped, for a reason here or elsewhere. A refusal, a coordinator that cannot be
  // reached, and one that is lost are such reasons too, of no machine.
  const std::optional<Stop>& stop() const { return stop_; }
  // All processes of all machines have ended well.
  bool is_finished() const { return is_finished_; }

  // This machine leaves before it was taken, for instance for a signal.
  void leave(const Stop& stop);

  // What it waits for before it is taken: "machine 0 at 10.0.0.1 port 29500 (Connection refused)".
  std::string awaited() const;

  // Of its own end of the connection; empty where there is none, or on machine 0.
  const Address& own_address() const { return own_address_; }

 private:
  using Clock = std::chrono::steady_clock;

  void find_addresses();
  void connect_next();
  void go_on_connecting();
  void greet(FileDescriptor socket);
  void fail_attempt(const std::string& reason);
  void hear_coordinator();
  void hear(const Message& message);
  bool is_possible(const Message& message) const;
  bool is_possible(const Start& start) const;
  void end(const Stop& stop);
  std::string place() const;

  MemberOptions options_;
  Clock::time_point deadline_;  // For being taken.

  // ---- While there is no connection: the addresses that are left to try, and when.
  std::unique_ptr<AddressLookup> lookup_;
  std::vector<Address> addresses_;
  FileDescriptor connecting_;
  Clock::time_point next_step_;
  std::string last_error_ = "nothing was tried";

  std::optional<Connection> connection_;
  Address own_address_;
  std::optional<int> machine_rank_;
  std::optional<int> ready_attempt_;  // For which it said that it is ready;
  bool has_told_well_ = false;        // and that it has ended well.
  std::optional<Start> start_;
  std::optional<Stop> stop_;
  bool is_finished_ = false;
};

}  // namespace accelerate::launcher
