#include "launcher/rendezvous/coordinator.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <iterator>
#include <string_view>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "launcher/env/size_limits.h"
#include "launcher/posix/system_error.h"
#include "launcher/posix/time_left.h"
#include "launcher/posix/worker_end.h"
#include "launcher/text/printable.h"

namespace accelerate::launcher {
namespace {

// Long enough for a slow network, and for nobody who only wants to occupy a place.
constexpr std::chrono::seconds kHelloTimeout(10);
constexpr std::size_t kMostStrangers = 256;
// A lost machine that asks again and again must not fill the log.
constexpr int kMostRemarks = 20;

// In a time that depends on the lengths alone, so that nobody finds an id letter by letter.
bool is_same_secret(std::string_view left, std::string_view right) {
  unsigned difference = left.size() == right.size() ? 0 : 1;
  for (std::size_t i = 0; i < left.size() && !right.empty(); ++i) {
    difference |=
        static_cast<unsigned char>(left[i]) ^ static_cast<unsigned char>(right[i % right.size()]);
  }
  return difference == 0;
}

std::string disagreement(const std::string& name, const std::string& theirs,
                         const std::string& ours) {
  return absl::StrCat(name, " is ", theirs, " there and ", ours,
                      " on machine 0; it must be the same on all machines of a job (two jobs need "
                      "different --main_process_port and --rdzv_id)");
}

std::optional<std::string> first_disagreement(const std::vector<Term>& theirs,
                                              const std::vector<Term>& ours) {
  for (std::size_t i = 0; i < std::max(theirs.size(), ours.size()); ++i) {
    const Term their = i < theirs.size() ? theirs[i] : Term{ours[i].name, "not said"};
    const Term our = i < ours.size() ? ours[i] : Term{theirs[i].name, "not said"};
    if (their.name != our.name) return disagreement(our.name, "not said", our.value);
    if (their.value != our.value) return disagreement(our.name, their.value, our.value);
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Coordinator>> Coordinator::make(FileDescriptor socket,
                                                               CoordinatorOptions options) {
  if (fcntl(socket.get(), F_SETFL, O_NONBLOCK) != 0) return system_error("fcntl");
  return std::unique_ptr<Coordinator>(new Coordinator(std::move(socket), std::move(options)));
}

Coordinator::Coordinator(FileDescriptor socket, CoordinatorOptions options)
    : socket_(std::move(socket)), options_(std::move(options)) {
  machines_.resize(static_cast<std::size_t>(options_.num_machines));
  gather();
}

absl::StatusOr<FileDescriptor> Coordinator::connect_own() {
  int ends[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return system_error("socketpair");
  strangers_.push_back({.connection = Connection(FileDescriptor(ends[0]), options_.settings),
                        .address = {},
                        .deadline = Clock::time_point::max(),
                        .is_own = true});
  return FileDescriptor(ends[1]);
}

void Coordinator::add_to(std::vector<pollfd>& polled) const {
  polled.push_back({.fd = socket_.get(), .events = POLLIN, .revents = 0});
  for (const Stranger& stranger : strangers_) polled.push_back(stranger.connection.polled());
  for (const auto& machine : machines_) {
    if (machine.has_value()) polled.push_back(machine->connection.polled());
  }
}

std::optional<std::chrono::milliseconds> Coordinator::wait() const {
  Clock::time_point next = phase_ == Phase::kGathering ? deadline_ : Clock::time_point::max();
  for (const Stranger& stranger : strangers_) next = std::min(next, stranger.deadline);
  if (next == Clock::time_point::max()) return std::nullopt;
  return time_left(next);
}

void Coordinator::handle() {
  accept_strangers();
  hear_strangers();
  hear_machines();
  start_when_ready();
  finish_when_ended();
  give_up_when_late();
}

bool Coordinator::is_over() const {
  return phase_ == Phase::kOver &&
         std::none_of(machines_.begin(), machines_.end(),
                      [](const auto& machine) { return machine.has_value(); });
}

void Coordinator::accept_strangers() {
  while (true) {
    FileDescriptor fd(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd.is_open() && (errno == EINTR || errno == ECONNABORTED)) continue;
    if (!fd.is_open()) {
      // Otherwise the one who waits outside would wake this process again and again.
      if (errno == EMFILE || errno == ENFILE) drop_oldest_stranger();
      return;
    }
    if (strangers_.size() >= kMostStrangers) drop_oldest_stranger();
    const Address address = peer_address(fd.get());
    strangers_.push_back({.connection = Connection(std::move(fd), options_.settings),
                          .address = address,
                          .deadline = Clock::now() + kHelloTimeout});
  }
}

void Coordinator::drop_oldest_stranger() {
  const auto oldest = std::find_if(strangers_.begin(), strangers_.end(),
                                   [](const Stranger& each) { return !each.is_own; });
  if (oldest != strangers_.end()) strangers_.erase(oldest);
}

void Coordinator::hear_strangers() {
  for (auto next = strangers_.begin(); next != strangers_.end();) {
    const auto stranger = next++;
    if (!hear(*stranger)) strangers_.erase(stranger);
  }
}

// False where the stranger is one no more.
bool Coordinator::hear(Stranger& stranger) {
  const absl::Status state = stranger.connection.exchange();
  const std::optional<Message> message = stranger.connection.take();
  if (absl::IsFailedPrecondition(state)) {
    // It reads no more of it than that it is of another version.
    stranger.connection.send(Refusal{std::string(state.message())});
    remark(absl::StrCat("the machine at ", to_string(stranger.address),
                        " was refused: ", state.message()));
  }
  if (!message.has_value()) return state.ok() && Clock::now() < stranger.deadline;
  if (const auto* hello = std::get_if<Hello>(&*message)) admit(stranger, *hello);
  return false;
}

void Coordinator::admit(Stranger& stranger, const Hello& hello) {
  const std::optional<std::string> reason = stranger.is_own ? std::nullopt : objection(hello);
  if (reason.has_value()) {
    stranger.connection.send(Refusal{*reason});
    remark(absl::StrCat("the machine at ", to_string(stranger.address), " was refused: ", *reason));
    return;
  }
  const int rank = stranger.is_own                  ? 0
                   : hello.machine_rank.has_value() ? *hello.machine_rank
                                                    : *first_free_rank();
  if (!stranger.is_own && reached_address_.size == 0) {
    reached_address_ = own_address(stranger.connection.fd());
  }
  machines_[rank] = Machine{.connection = std::move(stranger.connection),
                            .address = stranger.address,
                            .num_processes = hello.num_processes};
  machines_[rank]->connection.send(Welcome{rank});
}

void Coordinator::remark(const std::string& text) {
  if (++remarks_ <= kMostRemarks) options_.remark(text);
}

// Rank 0 is this machine's, even before it has said hello.
std::optional<int> Coordinator::first_free_rank() const {
  for (int rank = 1; rank < options_.num_machines; ++rank) {
    if (!machines_[rank].has_value()) return rank;
  }
  return std::nullopt;
}

std::optional<std::string> Coordinator::objection(const Hello& hello) const {
  if (!is_same_secret(hello.job_id, plain(options_.own_hello.job_id))) {
    return "it does not know the job's id; pass the same --rdzv_id on all machines";
  }
  if (auto reason = first_disagreement(hello.terms, options_.own_hello.terms)) return reason;
  if (phase_ == Phase::kOver) return "the job has ended; start it again on all machines";
  if (auto reason = objection_to_rank(hello.machine_rank)) return reason;
  return objection_to_size(hello);
}

std::optional<std::string> Coordinator::objection_to_rank(const std::optional<int>& rank) const {
  if (!rank.has_value()) {
    if (first_free_rank().has_value()) return std::nullopt;
    return absl::StrCat("all ", options_.num_machines, " machines are there already");
  }
  if (*rank >= options_.num_machines) {
    return absl::StrCat("its --machine_rank=", *rank,
                        " is not below --num_machines=", options_.num_machines);
  }
  if (*rank > 0 && !machines_[*rank].has_value()) return std::nullopt;
  return absl::StrCat(
      "--machine_rank=", *rank, " is taken by ",
      *rank == 0 ? "the machine where all meet" : to_string(machines_[*rank]->address),
      "; give each machine a number of its own");
}

// Each machine's number is within bounds, and so is the sum before this one.
std::optional<std::string> Coordinator::objection_to_size(const Hello& hello) const {
  int all = options_.own_hello.num_processes + hello.num_processes;
  for (int rank = 1; rank < options_.num_machines; ++rank) {
    if (machines_[rank].has_value()) all += machines_[rank]->num_processes;
  }
  if (all <= kMostProcesses) return std::nullopt;
  return absl::StrCat("with its ", hello.num_processes, " processes there would be ", all,
                      ", which are more than ", kMostProcesses, "; correct --nproc_per_node");
}

std::string Coordinator::name_of(int rank) const {
  return absl::StrCat(
      "machine ", rank,
      rank == 0 ? "" : absl::StrCat(" (", to_string(machines_[rank]->address), ")"));
}

void Coordinator::hear_machines() {
  for (int rank = 0; rank < options_.num_machines; ++rank) {
    if (!machines_[rank].has_value()) continue;
    const absl::Status state = machines_[rank]->connection.exchange();
    while (const std::optional<Message> message = machines_[rank]->connection.take()) {
      hear(rank, *message);
    }
    if (!state.ok()) lose(rank, std::string(state.message()));
  }
}

void Coordinator::hear(int rank, const Message& message) {
  Machine& machine = *machines_[rank];
  if (const auto* ready = std::get_if<Ready>(&message)) {
    machine.is_ready = ready->attempt == attempt_;
    machine.store_port = ready->store_port;
    machine.store_secret = ready->store_secret;
  } else if (const auto* end = std::get_if<MachineEnd>(&message)) {
    note_end(rank, *end);
  }
}

void Coordinator::note_end(int rank, const MachineEnd& end) {
  if (phase_ == Phase::kOver) return;
  if (end.kind == EndKind::kSignal) {
    return stop({.machine = rank,
                 .cause = absl::StrCat(name_of(rank), " received ", signal_name(end.code)),
                 .exit_code = 128 + end.code});
  }
  if (end.kind == EndKind::kNotStarted) {
    return stop({.machine = rank,
                 .cause = absl::StrCat(name_of(rank), " cannot start its processes: ", end.text),
                 .exit_code = std::max(end.code, 1)});
  }
  // Others may have failed before, and this one for want of them.
  if (phase_ != Phase::kRunning || end.attempt != attempt_) return;
  if (end.kind == EndKind::kWell) {
    machines_[rank]->has_ended = true;
    return;
  }
  const WorkerEnd worker_end = {.by_signal = end.by_signal, .code = end.code};
  stop({.machine = rank,
        .cause = absl::StrCat("rank ", end.rank, " on ", name_of(rank), " ", describe(worker_end)),
        .is_worker_end = true,
        .exit_code = worker_end.exit_code(),
        .is_restarted = attempt_ < options_.max_restarts});
}

void Coordinator::lose(int rank, const std::string& reason) {
  const std::string name = name_of(rank);
  machines_[rank].reset();
  if (phase_ == Phase::kOver) return;
  if (phase_ == Phase::kGathering && attempt_ == 0) {
    remark(absl::StrCat(name, " went away before the start (", reason, "); it can come again"));
    return;
  }
  stop({.machine = rank,
        .cause = absl::StrCat(name, " is lost (", reason,
                              "): its launcher was killed, it is down, or the network is")});
}

void Coordinator::start_when_ready() {
  if (phase_ != Phase::kGathering) return;
  if (count(&Machine::is_ready) < options_.num_machines) return;
  phase_ = Phase::kRunning;
  Start start = {.attempt = attempt_,
                 .store_port = machines_[0]->store_port,
                 .store_secret = machines_[0]->store_secret,
                 .world_size = 0};
  for (const auto& machine : machines_) start.world_size += machine->num_processes;
  for (auto& machine : machines_) {
    machine->connection.send(start);
    start.first_rank += machine->num_processes;
  }
}

void Coordinator::finish_when_ended() {
  if (phase_ != Phase::kRunning) return;
  if (count(&Machine::has_ended) < options_.num_machines) return;
  phase_ = Phase::kOver;
  broadcast(Finish());
}

std::string Coordinator::missing_machines() const {
  std::vector<std::string> missing;
  for (int rank = 0; rank < options_.num_machines; ++rank) {
    const auto& machine = machines_[rank];
    if (!machine.has_value() || !machine->is_ready) missing.push_back(absl::StrCat(rank));
  }
  return absl::StrCat(missing.size() == 1 ? "machine " : "machines ", absl::StrJoin(missing, ", "),
                      " of ", options_.num_machines);
}

void Coordinator::give_up_when_late() {
  if (phase_ != Phase::kGathering || Clock::now() < deadline_) return;
  stop({.cause = absl::StrCat(missing_machines(),
                              attempt_ == 0 ? " did not arrive" : " did not come to start again",
                              " within ", options_.settings.join_timeout.count(),
                              " s; start the launcher there with the same --main_process_ip and "
                              "port, look for firewalls, or raise --rdzv_conf join_timeout")});
}

void Coordinator::gather() {
  phase_ = Phase::kGathering;
  deadline_ = Clock::now() + options_.settings.join_timeout;
}

void Coordinator::stop(const Stop& stop) {
  broadcast(stop);
  if (!stop.is_restarted) {
    phase_ = Phase::kOver;
    return;
  }
  ++attempt_;
  for (auto& machine : machines_) {
    machine->is_ready = false;
    machine->has_ended = false;
  }
  gather();
}

void Coordinator::broadcast(const Message& message) {
  for (auto& machine : machines_) {
    if (machine.has_value()) machine->connection.send(message);
  }
}

int Coordinator::count(bool Machine::*member) const {
  return static_cast<int>(std::count_if(
      machines_.begin(), machines_.end(),
      [member](const auto& machine) { return machine.has_value() && (*machine).*member; }));
}

}  // namespace accelerate::launcher
