#include "launcher/rendezvous/member.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "launcher/posix/time_left.h"

namespace accelerate::launcher {
namespace {

using std::chrono::milliseconds;

// Between two attempts to reach a machine 0 that has not started yet.
constexpr milliseconds kPause(200);
// A host may have addresses that lead nowhere, and the kernel would try for two minutes.
constexpr milliseconds kLongestConnect(5000);

int pending_error(int fd) {
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

bool is_connected(int fd) { return peer_address(fd).size > 0; }

// On one host, where nobody listens at the port yet, the kernel may choose that very port for this
// end, and so connects the socket to itself.
bool is_connected_to_itself(int fd) {
  const Address own = own_address(fd);
  const Address peer = peer_address(fd);
  return own.size == peer.size && std::memcmp(&own.storage, &peer.storage, own.size) == 0;
}

}  // namespace

Member::Member(MemberOptions options)
    : options_(std::move(options)), deadline_(Clock::now() + options_.settings.join_timeout) {
  find_addresses();
}

// The coordinator of this process needs no deadline of its own.
Member::Member(MemberOptions options, FileDescriptor socket)
    : options_(std::move(options)), deadline_(Clock::time_point::max()) {
  greet(std::move(socket));
}

void Member::add_to(std::vector<pollfd>& polled) const {
  if (connection_.has_value()) polled.push_back(connection_->polled());
  if (lookup_ != nullptr) {
    polled.push_back({.fd = lookup_->fd(), .events = POLLIN, .revents = 0});
  }
  if (connecting_.is_open()) {
    polled.push_back({.fd = connecting_.get(), .events = POLLOUT, .revents = 0});
  }
}

std::optional<milliseconds> Member::wait() const {
  if (stop_.has_value() || is_joined() || is_finished_) return std::nullopt;
  const Clock::time_point next =
      connection_.has_value() ? deadline_ : std::min(deadline_, next_step_);
  if (next == Clock::time_point::max()) return std::nullopt;
  return time_left(next);
}

void Member::handle() {
  if (stop_.has_value() && !connection_.has_value()) return;
  if (is_finished_) return;
  if (connecting_.is_open()) {
    go_on_connecting();
  } else if (lookup_ != nullptr) {
    if (lookup_->is_done()) connect_next();
  } else if (!connection_.has_value() && Clock::now() >= next_step_) {
    find_addresses();
  }
  if (connection_.has_value()) hear_coordinator();
  if (is_joined() || stop_.has_value() || Clock::now() < deadline_) return;
  end({.cause = absl::StrCat("machine 0 did not accept this machine at ", place(), " within ",
                             options_.settings.join_timeout.count(), " s (", last_error_,
                             "); start its launcher, check --main_process_ip, the port and "
                             "firewalls, or raise --rdzv_conf join_timeout")});
}

void Member::send(const Message& message) {
  // Without one, a last word was heard, which stays.
  if (!connection_.has_value()) return;
  if (const auto* ready = std::get_if<Ready>(&message)) {
    start_.reset();
    stop_.reset();
    ready_attempt_ = ready->attempt;
    has_told_well_ = false;
  } else if (const auto* own_end = std::get_if<MachineEnd>(&message)) {
    has_told_well_ = own_end->kind == EndKind::kWell;
  }
  connection_->send(message);
}

void Member::leave(const Stop& stop) {
  if (!stop_.has_value()) end(stop);
}

void Member::find_addresses() {
  if (!addresses_.empty()) return connect_next();
  lookup_ = std::make_unique<AddressLookup>(options_.host, options_.port, options_.resolve);
  if (lookup_->is_done()) return connect_next();
  last_error_ = "its address is being looked up";
  next_step_ = deadline_;
}

void Member::connect_next() {
  if (lookup_ != nullptr) {
    absl::StatusOr<std::vector<Address>> found = lookup_->result();
    lookup_.reset();
    if (!found.ok()) return fail_attempt(std::string(found.status().message()));
    addresses_ = *std::move(found);
    last_error_ = "it has not answered yet";
  }
  const Address address = addresses_.front();
  addresses_.erase(addresses_.begin());
  connecting_ = FileDescriptor(
      socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  next_step_ = Clock::now() + kLongestConnect;
  const bool is_begun =
      connect(connecting_.get(), address.get(), address.size) == 0 || errno == EINPROGRESS;
  if (!is_begun) fail_attempt(std::strerror(errno));
}

void Member::go_on_connecting() {
  if (const int error = pending_error(connecting_.get()); error != 0) {
    return fail_attempt(std::strerror(error));
  }
  if (is_connected_to_itself(connecting_.get())) return fail_attempt("nobody listens there");
  if (is_connected(connecting_.get())) return greet(std::exchange(connecting_, FileDescriptor()));
  if (Clock::now() >= next_step_) fail_attempt("no answer");
}

void Member::greet(FileDescriptor socket) {
  own_address_ = launcher::own_address(socket.get());
  connection_.emplace(std::move(socket), options_.settings);
  connection_->send(options_.hello);
  last_error_ = "it accepted the connection, but has not answered";
}

void Member::fail_attempt(const std::string& reason) {
  last_error_ = reason;
  connecting_.reset();
  connection_.reset();
  next_step_ = Clock::now() + (addresses_.empty() ? kPause : milliseconds(0));
}

void Member::hear_coordinator() {
  const absl::Status state = connection_->exchange();
  while (connection_.has_value()) {
    const std::optional<Message> message = connection_->take();
    if (!message.has_value()) break;
    hear(*message);
  }
  if (state.ok() || !connection_.has_value()) return;
  if (absl::IsFailedPrecondition(state)) {
    return end({.cause = absl::StrCat("machine 0 at ", place(), ": ", state.message())});
  }
  if (!is_joined()) return fail_attempt(std::string(state.message()));
  end({.cause = absl::StrCat("machine 0 at ", place(), " is lost (", state.message(),
                             "): its launcher was killed, it is down, or the network is")});
}

// Whether a coordinator can say it now.
bool Member::is_possible(const Message& message) const {
  if (const auto* welcome = std::get_if<Welcome>(&message)) {
    const int wanted = options_.hello.machine_rank.value_or(welcome->machine_rank);
    return !is_joined() && welcome->machine_rank == wanted && wanted < options_.num_machines;
  }
  if (std::holds_alternative<Refusal>(message)) return !is_joined();
  if (!is_joined()) return false;
  if (const auto* start = std::get_if<Start>(&message)) return is_possible(*start);
  if (std::holds_alternative<Finish>(message)) return has_told_well_;
  return std::holds_alternative<Stop>(message);
}

// Machines that come before this one have a process at least.
bool Member::is_possible(const Start& start) const {
  if (start_.has_value() || start.attempt != ready_attempt_) return false;
  const int own = options_.hello.num_processes;
  const int machine = *machine_rank_;
  if (options_.world_size.has_value()) {
    return start.world_size == *options_.world_size && start.first_rank == machine * own;
  }
  return (machine == 0 ? start.first_rank == 0 : start.first_rank >= machine) &&
         start.first_rank <= start.world_size - own;
}

void Member::hear(const Message& message) {
  if (!is_possible(message)) {
    return end({.cause = absl::StrCat("machine 0 at ", place(),
                                      " sent a message that makes no sense; install the same "
                                      "launcher on all machines, and check what listens there")});
  }
  if (const auto* welcome = std::get_if<Welcome>(&message)) {
    machine_rank_ = welcome->machine_rank;
  } else if (const auto* refusal = std::get_if<Refusal>(&message)) {
    end({.cause =
             absl::StrCat("machine 0 at ", place(), " refused this machine: ", refusal->reason)});
  } else if (const auto* start = std::get_if<Start>(&message)) {
    start_ = *start;
  } else if (const auto* stop = std::get_if<Stop>(&message)) {
    if (!stop->is_restarted) return end(*stop);
    stop_ = *stop;
  } else if (std::holds_alternative<Finish>(message)) {
    is_finished_ = true;
    connection_.reset();
  }
}

// The last word. The coordinator waits until this end of the connection is closed.
void Member::end(const Stop& stop) {
  stop_ = stop;
  lookup_.reset();
  connecting_.reset();
  connection_.reset();
}

std::string Member::awaited() const {
  return absl::StrCat("machine 0 at ", place(), " (", last_error_, ")");
}

std::string Member::place() const { return absl::StrCat(options_.host, " port ", options_.port); }

}  // namespace accelerate::launcher
