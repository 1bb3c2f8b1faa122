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
// Not for a job of one machine, which has no one to talk to.
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
  // Machine 0 listens at the main port; the others look for it there, for as long as the plan
  // says. Where machines are numbered as they arrive, machine 0 is the first to listen on the host
  // with the main address: `main_address` looks for it, and is done by then. Machine 0 of others
  // has a look there as well, and says what is wrong when it is done. Null on other machines.
  // `program` is what must be the same program everywhere, or empty. An error where machine 0
  // cannot listen.
  static absl::StatusOr<JobLink> open(const LaunchPlan& plan, const std::string& program,
                                      std::unique_ptr<AddressLookup> main_address);

  void add_to(std::vector<pollfd>& polled) const;
  std::optional<std::chrono::milliseconds> wait() const;
  void handle();

  // Of the coordinator's machine.
  bool is_main_machine() const { return coordinator_ != nullptr; }
  // Has a rank; until then nothing can be told.
  bool is_joined() const { return member_->is_joined(); }
  int machine_rank() const { return member_->machine_rank().value_or(0); }

  const std::optional<Start>& start() const { return member_->start(); }
  const std::optional<Stop>& stop() const { return member_->stop(); }
  bool is_finished() const { return member_->is_finished(); }

  // ---- What this machine tells. No process of it runs, and `attempt` can start:
  void be_ready(int attempt, int store_port, const std::string& store_secret);
  // or is to be stopped, for all machines, or has ended well here.
  void tell_failure(int local_rank, const WorkerEnd& end);
  void tell_signal(int signal);
  void tell_not_started(const std::string& reason, int exit_code);
  void tell_well();

  // Whether this machine was the first that told why to stop.
  bool is_own(const Stop& stop) const;

  // The network interface by which this machine and the others reach each other; empty where that
  // is not known.
  std::string network_interface() const;

  // After the last word: all others have heard it. Only machine 0 has to wait for that.
  bool may_leave() const { return coordinator_ == nullptr || coordinator_->is_over(); }

  // Closes everything without a word, in a forked process that is not to hold it.
  void close();

 private:
  using Clock = std::chrono::steady_clock;

  JobLink() = default;

  void check_main_address();
  // Says whom it waits for, when that takes long.
  void tell_of_waiting();

  int attempt_ = 0;
  std::optional<Clock::time_point> next_word_;  // About whom it waits for.
  std::string main_process_ip_;
  std::unique_ptr<AddressLookup> main_address_;  // Not looked at yet.
  std::unique_ptr<Coordinator> coordinator_;     // Of machine 0.
  std::unique_ptr<Member> member_;
};

}  // namespace accelerate::launcher
