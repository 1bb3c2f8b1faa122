#include "accelerate/comm/store/door.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <stdexcept>

// How a door is closed
//
// Shutting the listening socket down, or putting another file in its place, would surprise the
// thread of LibTorch that waits for it, which ends the program then. So it gets a filter that lets
// no packet through: those of new connections arrive there, those of connections that are made
// already do not.
//
// Who comes to a closed door waits, and cannot tell it from one that is not open yet. A unix socket
// with the port in its name, to which nobody listens but the kernel, says which it is; the kernel
// also tells whose it is, so that no other user can put up such a sign.

namespace accelerate::internal {
namespace {

constexpr char kLoopbackInterface[] = "lo";

void set_option(int socket, int level, int name, int value) {
  setsockopt(socket, level, name, &value, sizeof(value));
}

// -1, with errno, where it cannot be.
int listen_with(const sockaddr* address, socklen_t size, bool only_loopback) {
  const int result = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (result < 0) return -1;
  // A port whose last connections still time out is free enough.
  set_option(result, SOL_SOCKET, SO_REUSEADDR, 1);
  if (address->sa_family == AF_INET6) set_option(result, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  // For the names of both kinds of address. Old kernels let only root do so.
  if (only_loopback)
    setsockopt(result, SOL_SOCKET, SO_BINDTODEVICE, kLoopbackInterface, sizeof(kLoopbackInterface));
  if (bind(result, address, size) == 0 && listen(result, SOMAXCONN) == 0) return result;
  const int error = errno;
  close(result);
  errno = error;
  return -1;
}

int listen_on_ipv4(in_addr address, int port, bool only_loopback) {
  sockaddr_in full = {};
  full.sin_family = AF_INET;
  full.sin_addr = address;
  full.sin_port = htons(static_cast<uint16_t>(port));
  return listen_with(reinterpret_cast<const sockaddr*>(&full), sizeof(full), only_loopback);
}

int listen_on_ipv6(in6_addr address, int port, bool only_loopback) {
  sockaddr_in6 full = {};
  full.sin6_family = AF_INET6;
  full.sin6_addr = address;
  full.sin6_port = htons(static_cast<uint16_t>(port));
  return listen_with(reinterpret_cast<const sockaddr*>(&full), sizeof(full), only_loopback);
}

int try_to_listen(const std::string& address, int port) {
  in_addr ipv4 = {};
  in6_addr ipv6 = {};
  const bool only_loopback = is_loopback(address);
  if (only_loopback && inet_pton(AF_INET, address.c_str(), &ipv4) == 1)
    return listen_on_ipv4(ipv4, port, only_loopback);
  if (only_loopback && inet_pton(AF_INET6, address.c_str(), &ipv6) == 1)
    return listen_on_ipv6(ipv6, port, only_loopback);
  const int result = listen_on_ipv6(in6addr_any, port, only_loopback);
  const bool has_no_ipv6 = result < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL);
  return has_no_ipv6 ? listen_on_ipv4({htonl(INADDR_ANY)}, port, only_loopback) : result;
}

struct SignName {
  sockaddr_un address = {};
  socklen_t size;

  explicit SignName(int port) {
    const std::string name =
        "accelerate, user " + std::to_string(geteuid()) + ", port " + std::to_string(port);
    address.sun_family = AF_UNIX;
    // Behind a zero: no file.
    name.copy(address.sun_path + 1, sizeof(address.sun_path) - 1);
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

int sign_socket() { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

}  // namespace

bool is_loopback(const std::string& address) {
  return address == "localhost" || address == "::1" || address.starts_with("127.");
}

int listen_at(const std::string& address, int port) {
  const int result = try_to_listen(address, port);
  if (result >= 0) return result;
  const std::string where = "port " + std::to_string(port) + " of this machine ";
  if (errno == EADDRINUSE)
    throw std::runtime_error(
        where +
        "is taken by another process; choose another port, the same "
        "for all processes (MASTER_PORT, or --main_process_port of a launcher)");
  throw std::runtime_error(where + "cannot be opened: " + std::strerror(errno));
}

ClosedDoor::ClosedDoor(int socket, int port) : sign_(sign_socket()) {
  // Where the kernel has no filters the door stays open, as it was.
  sock_filter nothing = {.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 0};
  const sock_fprog program = {.len = 1, .filter = &nothing};
  setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
  // Without a sign, who comes too late waits.
  const SignName name(port);
  if (bind(sign_, name.get(), name.size) == 0) listen(sign_, SOMAXCONN);
}

ClosedDoor::~ClosedDoor() {
  if (sign_ >= 0) close(sign_);
}

std::optional<pid_t> find_closed_door(int port) {
  const SignName name(port);
  const int visitor = sign_socket();
  if (visitor < 0) return std::nullopt;
  ucred holder = {};
  socklen_t size = sizeof(holder);
  const bool is_there = connect(visitor, name.get(), name.size) == 0 &&
                        getsockopt(visitor, SOL_SOCKET, SO_PEERCRED, &holder, &size) == 0;
  close(visitor);
  if (!is_there || holder.uid != geteuid()) return std::nullopt;
  // A child that it left behind may hold what it had open.
  if (holder.pid > 0 && kill(holder.pid, 0) < 0) return std::nullopt;
  return holder.pid;
}

}  // namespace accelerate::internal
