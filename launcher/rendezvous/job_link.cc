#include "launcher/rendezvous/job_link.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "launcher/env/mixed_precision.h"
#include "launcher/env/sharding.h"
#include "launcher/posix/address.h"
#include "launcher/posix/listening_socket.h"
#include "launcher/posix/output_writer.h"
#include "launcher/posix/time_left.h"
#include "launcher/rendezvous/program_digest.h"

namespace accelerate::launcher {
namespace {

using std::chrono::milliseconds;

std::vector<Term> terms_of(const LaunchPlan& plan, const std::string& program) {
  std::vector<Term> terms = {
      {"--num_machines", absl::StrCat(plan.num_machines)},
      {"the number of processes (--num_processes)",
       plan.counts_own_processes ? "each machine's own (--nproc_per_node, or its GPUs)"
                                 : absl::StrCat(plan.world_size())},
      {"the device", plan.device == DeviceKind::kCpu ? "the CPU" : "GPUs"},
      {"--mixed_precision",
       plan.mixed_precision.has_value() ? to_string(*plan.mixed_precision) : "the program's own"},
      {"the sharding",
       plan.sharding.has_value() ? sharding_title(*plan.sharding) : "the program's own"},
      {"--max_restarts", absl::StrCat(plan.max_restarts)},
  };
  if (!program.empty()) terms.push_back({"the build of the program", program});
  // With an id, somebody has said that it is one job, whatever differs.
  if (plan.run_id == LaunchPlan().run_id) {
    terms.push_back({"the user (of a job without --rdzv_id)", absl::StrCat(geteuid())});
    terms.push_back({"the digest of the program's arguments (of a job without --rdzv_id)",
                     digest_of(absl::StrJoin(plan.arguments, std::string(1, '\0')))});
  }
  return terms;
}

bool is_on_this_machine(const AddressLookup& lookup) {
  const Addresses addresses = lookup.result();
  return addresses.ok() && std::any_of(addresses->begin(), addresses->end(), is_of_this_machine);
}

// People wonder after seconds whether anything happens.
constexpr std::chrono::seconds kFirstWord(5);
constexpr std::chrono::seconds kNextWord(60);

void print_remark(const std::string& remark) {
  print_to_errors(absl::StrCat("accelerate: ", remark, ".\n"));
}

}  // namespace

absl::StatusOr<JobLink> JobLink::open(const LaunchPlan& plan, const std::string& program,
                                      std::unique_ptr<AddressLookup> main_address) {
  Hello hello = {
      .job_id = plan.run_id, .num_processes = plan.num_processes, .terms = terms_of(plan, program)};
  if (!plan.is_numbered_by_arrival) hello.machine_rank = plan.machine_rank;
  const MemberOptions member = {
      .host = plan.main_process_ip,
      .port = plan.main_process_port,
      .hello = hello,
      .num_machines = plan.num_machines,
      .world_size = plan.counts_own_processes ? std::nullopt : std::optional(plan.world_size()),
      .settings = plan.rendezvous};
  JobLink link;
  link.next_word_ = Clock::now() + kFirstWord;
  link.main_process_ip_ = plan.main_process_ip;

  const bool may_be_main =
      plan.is_numbered_by_arrival ? is_on_this_machine(*main_address) : plan.machine_rank == 0;
  if (may_be_main) {
    absl::StatusOr<ListeningSocket> socket =
        open_listening_socket(plan.main_process_port, reach_of(plan.main_process_ip));
    if (socket.ok()) {
      absl::StatusOr<std::unique_ptr<Coordinator>> coordinator =
          Coordinator::make(std::move(socket->fd), {.num_machines = plan.num_machines,
                                                    .max_restarts = plan.max_restarts,
                                                    .own_hello = hello,
                                                    .settings = plan.rendezvous,
                                                    .remark = print_remark});
      if (!coordinator.ok()) return coordinator.status();
      link.coordinator_ = *std::move(coordinator);
    } else if (!plan.is_numbered_by_arrival || !absl::IsUnavailable(socket.status())) {
      return socket.status();  // In the other case a launcher on this host was first.
    }
    if (!plan.is_numbered_by_arrival) link.main_address_ = std::move(main_address);
  }
  if (!link.is_main_machine()) {
    link.member_ = std::make_unique<Member>(member);
    return link;
  }
  absl::StatusOr<FileDescriptor> own = link.coordinator_->connect_own();
  if (!own.ok()) return own.status();
  link.member_ = std::make_unique<Member>(member, *std::move(own));
  return link;
}

void JobLink::add_to(std::vector<pollfd>& polled) const {
  if (coordinator_ != nullptr) coordinator_->add_to(polled);
  member_->add_to(polled);
  if (main_address_ != nullptr) {
    polled.push_back({.fd = main_address_->fd(), .events = POLLIN, .revents = 0});
  }
}

std::optional<milliseconds> JobLink::wait() const {
  const std::optional<milliseconds> own = member_->wait();
  const std::optional<milliseconds> others =
      coordinator_ == nullptr ? std::nullopt : coordinator_->wait();
  std::optional<milliseconds> shortest =
      next_word_.has_value() ? std::optional(time_left(*next_word_)) : std::nullopt;
  for (const auto& each : {own, others}) {
    if (each.has_value()) shortest = std::min(shortest.value_or(*each), *each);
  }
  return shortest;
}

void JobLink::handle() {
  if (coordinator_ != nullptr) coordinator_->handle();
  member_->handle();
  check_main_address();
  tell_of_waiting();
}

void JobLink::check_main_address() {
  if (main_address_ == nullptr || !main_address_->is_done()) return;
  if (!is_on_this_machine(*main_address_)) {
    print_remark(absl::StrCat("--main_process_ip=", main_process_ip_, " is not an address of ",
                              "this machine, but the other machines look for machine 0 there"));
  }
  main_address_.reset();
}

void JobLink::tell_of_waiting() {
  if (start().has_value() || stop().has_value() || is_finished()) next_word_.reset();
  if (!next_word_.has_value() || Clock::now() < *next_word_) return;
  next_word_ = Clock::now() + kNextWord;
  // Machine 0 knows who is missing; one that has been taken is not.
  if (coordinator_ == nullptr && is_joined()) return;
  print_remark(absl::StrCat("waiting for ", coordinator_ != nullptr
                                                ? coordinator_->missing_machines()
                                                : member_->awaited()));
}

void JobLink::be_ready(int attempt, int store_port, const std::string& store_secret) {
  attempt_ = attempt;
  next_word_ = Clock::now() + kFirstWord;
  member_->send(Ready{.attempt = attempt, .store_port = store_port, .store_secret = store_secret});
}

void JobLink::tell_failure(int local_rank, const WorkerEnd& end) {
  member_->send(MachineEnd{.kind = EndKind::kFailedRank,
                           .attempt = attempt_,
                           .rank = start()->first_rank + local_rank,
                           .by_signal = end.by_signal,
                           .code = end.code});
}

void JobLink::tell_signal(int signal) {
  if (is_joined()) {
    return member_->send(MachineEnd{.kind = EndKind::kSignal, .attempt = attempt_, .code = signal});
  }
  member_->leave(
      {.cause = absl::StrCat(signal_name(signal), " received"), .exit_code = 128 + signal});
}

void JobLink::tell_not_started(const std::string& reason, int exit_code) {
  member_->send(MachineEnd{.kind = EndKind::kNotStarted,
                           .attempt = attempt_,
                           .code = exit_code,
                           .text = std::string(absl::StripSuffix(reason, "."))});
}

void JobLink::tell_well() {
  member_->send(MachineEnd{.kind = EndKind::kWell, .attempt = attempt_});
}

bool JobLink::is_own(const Stop& stop) const {
  return stop.machine.has_value() && stop.machine == member_->machine_rank();
}

std::string JobLink::network_interface() const {
  return interface_of(is_main_machine() ? coordinator_->reached_address() : member_->own_address());
}

void JobLink::close() {
  coordinator_.reset();
  member_.reset();
  main_address_.reset();
}

}  // namespace accelerate::launcher
