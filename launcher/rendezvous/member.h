// One machine's side of the conversation with the coordinator.
//
// Example:
//   Member member(MemberOptions{.host = "10.0.0.1", .port = 29500, .hello = hello});
//   // In the launcher's loop: add_to(), wait(), handle(), as with a Coordinator.
//   if (member.is_joined()) member.send(Ready{.attempt = 0});
//   if (member.start().has_value()) start_processes(member.start()->store_port);
//   if (member.stop().has_value()) stop_processes();
//
// Nothing in it waits. Machine 0 also has the coordinator (JobLink).
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
  std::string host = "127.0.0.1";  // Where the coordinator listens.
  int port = 29500;                // Tried until the time for joining is over.
  Hello hello = {};
  int num_machines = std::numeric_limits<int>::max();
  // The size of the job, if all machines have the same number of processes.
  std::optional<int> world_size = std::nullopt;
  RendezvousSettings settings = {};
  Resolve resolve = launcher::resolve;  // How the host's addresses are found.
};

// Not thread-safe.
class Member {
 public:
  explicit Member(MemberOptions options);
  // For machine 0, which is connected already.
  Member(MemberOptions options, FileDescriptor socket);

  void add_to(std::vector<pollfd>& polled) const;
  std::optional<std::chrono::milliseconds> wait() const;
  void handle();

  // The coordinator has accepted this machine, which has a rank from then on.
  bool is_joined() const { return machine_rank_.has_value(); }
  std::optional<int> machine_rank() const { return machine_rank_; }

  // Sends to the coordinator, which must have accepted this machine; dropped if the coordinator is
  // gone. A Ready clears what was heard about the previous attempt.
  void send(const Message& message);

  // Set once the current attempt has started on all machines.
  const std::optional<Start>& start() const { return start_; }
  // Set if the attempt must be stopped, for a reason here or elsewhere. A refusal, and a
  // coordinator that is unreachable or lost, are such reasons too; they name no machine.
  const std::optional<Stop>& stop() const { return stop_; }
  // All processes of all machines have ended well.
  bool is_finished() const { return is_finished_; }

  // Leaves before this machine was accepted, for instance after a signal.
  void leave(const Stop& stop);

  // What it waits for before it is accepted: "machine 0 at 10.0.0.1 port 29500 (Connection
  // refused)".
  std::string awaited() const;

  // The address of this end of the connection; empty if there is none, and on machine 0.
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
  Clock::time_point deadline_;  // For being accepted.

  // ---- Without a connection: the addresses left to try, and when.
  std::unique_ptr<AddressLookup> lookup_;
  std::vector<Address> addresses_;
  FileDescriptor connecting_;
  Clock::time_point next_step_;
  std::string last_error_ = "nothing was tried";

  std::optional<Connection> connection_;
  Address own_address_;
  std::optional<int> machine_rank_;
  std::optional<int> ready_attempt_;  // The attempt for which it said that it is ready.
  bool has_told_well_ = false;        // Whether it said that it has ended well.
  std::optional<Start> start_;
  std::optional<Stop> stop_;
  bool is_finished_ = false;
};

}  // namespace accelerate::launcher
