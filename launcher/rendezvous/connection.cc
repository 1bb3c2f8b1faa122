#include "launcher/rendezvous/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/status/statusor.h"

namespace accelerate::launcher {
namespace {

void set_option(int fd, int level, int name, int value) {
  // Fails on a socket within this machine, which needs none of this.
  setsockopt(fd, level, name, &value, sizeof(value));
}

void keep_alive(int fd, const RendezvousSettings& settings) {
  const int interval = static_cast<int>(settings.keep_alive_interval.count());
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, interval);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, settings.keep_alive_max_attempt);
  // While something is on its way the kernel does not ask, and would try for a quarter of an hour.
  const std::chrono::milliseconds limit = settings.keep_alive_limit();
  constexpr std::chrono::milliseconds::rep kLongest = std::numeric_limits<int>::max();
  set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
             static_cast<int>(std::min(limit.count(), kLongest)));
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

bool must_wait(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

absl::Status connection_error(int error) { return absl::UnavailableError(std::strerror(error)); }

}  // namespace

Connection::Connection(FileDescriptor socket, const RendezvousSettings& settings)
    : socket_(std::move(socket)) {
  keep_alive(socket_.get(), settings);
}

pollfd Connection::polled() const {
  const short events = static_cast<short>(unsent_.empty() ? POLLIN : POLLIN | POLLOUT);
  return {.fd = socket_.get(), .events = events, .revents = 0};
}

void Connection::send(const Message& message) {
  unsent_ += encode(message);
  // Where it fails, the next exchange() does too, and says so.
  flush().IgnoreError();
}

absl::Status Connection::exchange() {
  const absl::Status received = receive();
  return received.ok() ? flush() : received;
}

std::optional<Message> Connection::take() {
  if (received_.empty()) return std::nullopt;
  Message message = std::move(received_.front());
  received_.pop_front();
  return message;
}

absl::Status Connection::flush() {
  while (!unsent_.empty()) {
    const ssize_t size =
        ::send(socket_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return must_wait(errno) ? absl::OkStatus() : connection_error(errno);
    unsent_.erase(0, static_cast<std::size_t>(size));
  }
  return absl::OkStatus();
}

// Once, so that one who sends without end keeps nobody from being heard.
absl::Status Connection::receive() {
  std::array<char, kLargestMessage> bytes;
  const ssize_t size = recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (size < 0) {
    return must_wait(errno) || errno == EINTR ? absl::OkStatus() : connection_error(errno);
  }
  if (size == 0) return absl::UnavailableError("the connection was closed");
  unread_.append(bytes.data(), static_cast<std::size_t>(size));
  while (true) {
    absl::StatusOr<std::optional<Message>> message = take_message(unread_);
    if (!message.ok()) return message.status();
    if (!message->has_value()) return absl::OkStatus();
    received_.push_back(**std::move(message));
  }
}

}  // namespace accelerate::launcher
