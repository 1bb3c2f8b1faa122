// A launcher's link to the launchers of the other machines of its job.
//
// Example:
//   absl::StatusOr<JobLink> link =
//       JobLink::open(plan, program_digest("/proc/self/exe"), /*main_address=*/nullptr);
//   link->be_ready(/*attempt=*/0, store_port, store_secret);
//   // add_to(), wait(), handle() in the launcher's loop until link->start() or link->stop().
//   link->tell_failure(local_rank, end);  // Where a process of this machine fails.
//   // Until link->stop() or link->is_finished(), and then until link->may_leave().
//
// Not for a job on one machine.
#pragma once

#include <poll.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "launcher/plan/launch_plan.h"
#include "launcher/posix/address_lookup.h"
#include "launcher/posix/worker_end.h"
#include "launcher/rendezvous/coordinator.h"
#include "launcher/rendezvous/member.h"
#include "launcher/rendezvous/message.h"

namespace accelerate::launcher {

// Not thread-safe.
class JobLink {
 public:
  // Machine 0 listens at the main port; the others look for it there, for as long as the plan says.
  // If machines are numbered by arrival, machine 0 is the first to listen on the host with the main
  // address; `main_address` looks that up, and must be done. Otherwise machine 0 gets a lookup only
  // to warn, once it is done, if the address is not its own; null on other machines. `program` is
  // the program that must be the same everywhere, or empty. An error if machine 0 cannot listen.
  static absl::StatusOr<JobLink> open(const LaunchPlan& plan, const std::string& program,
                                      std::unique_ptr<AddressLookup> main_address);

  void add_to(std::vector<pollfd>& polled) const;
  std::optional<std::chrono::milliseconds> wait() const;
  void handle();

  // Whether this machine has the coordinator.
  bool is_main_machine() const { return coordinator_ != nullptr; }
  // Whether this machine has a rank; until then it cannot report anything.
  bool is_joined() const { return member_->is_joined(); }
  int machine_rank() const { return member_->machine_rank().value_or(0); }

  const std::optional<Start>& start() const { return member_->start(); }
  const std::optional<Stop>& stop() const { return member_->stop(); }
  bool is_finished() const { return member_->is_finished(); }

  // ---- Reports of this machine. It runs no process, and `attempt` can start:
  void be_ready(int attempt, int store_port, const std::string& store_secret);
  // These report why all machines must stop, or that the attempt has ended well here.
  void tell_failure(int local_rank, const WorkerEnd& end);
  void tell_signal(int signal);
  void tell_not_started(const std::string& reason, int exit_code);
  void tell_well();

  // Whether this machine was the first to report a reason to stop.
  bool is_own(const Stop& stop) const;

  // The network interface through which the machines reach each other; empty if unknown.
  std::string network_interface() const;

  // Whether all others have heard the last message. Only machine 0 has to wait for that.
  bool may_leave() const { return coordinator_ == nullptr || coordinator_->is_over(); }

  // Closes everything silently, for a forked process that must not hold it.
  void close();

 private:
  using Clock = std::chrono::steady_clock;

  JobLink() = default;

  void check_main_address();
  // Says which machines it waits for, if that takes long.
  void tell_of_waiting();

  int attempt_ = 0;
  std::optional<Clock::time_point> next_word_;  // When to say again whom it waits for.
  std::string main_process_ip_;
  std::unique_ptr<AddressLookup> main_address_;  // Until its result was checked.
  std::unique_ptr<Coordinator> coordinator_;     // Only on machine 0.
  std::unique_ptr<Member> member_;
};

}  // namespace accelerate::launcher
