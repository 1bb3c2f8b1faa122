#include "launcher/posix/listening_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "launcher/posix/address.h"

namespace accelerate::launcher {
namespace {

constexpr char kLoopbackInterface[] = "lo";

std::string name_of(Reach reach) {
  if (reach == Reach::kThisMachine) return "127.0.0.1:";
  return reach == Reach::kLoopback ? "the loopback addresses of this machine, port "
                                   : "all addresses of this machine, port ";
}

absl::Status listen_error(int port, Reach reach, int error) {
  const bool meets_others = reach != Reach::kThisMachine;
  const std::string where = absl::StrCat("cannot listen on ", name_of(reach), port, ": ");
  if (error == EADDRINUSE) {
    return absl::UnavailableError(absl::StrCat(
        where, "another process uses this port; pass ",
        meets_others ? "another --main_process_port on all machines, or another --machine_rank "
                       "here if the process is another launcher of this job."
                     : "--main_process_port=0 for any free port, or another number."));
  }
  if (error == EACCES) {
    return absl::PermissionDeniedError(
        absl::StrCat(where, "this port is reserved for the system; pass ",
                     meets_others ? "" : "--main_process_port=0 for any free port, or ",
                     "a number above 1023."));
  }
  return absl::UnavailableError(absl::StrCat(where, std::strerror(error),
                                             "; check the loopback interface and the limit of ",
                                             "open files (ulimit -n)."));
}

sockaddr_in loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

sockaddr_in every_ipv4_address(int port) {
  sockaddr_in address = loopback(port);
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  return address;
}

sockaddr_in6 every_address(int port) {
  sockaddr_in6 address = {};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_any;
  address.sin6_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

// Not open, with errno, where it cannot be.
template <class SocketAddress>
FileDescriptor listen_at(int family, const SocketAddress& address, Reach reach) {
  FileDescriptor fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return fd;
  // A port whose last connections still time out is free enough.
  const int enabled = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &enabled, sizeof(enabled));
  // IPv4 arrives there as well.
  const int disabled = 0;
  if (family == AF_INET6) {
    setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &disabled, sizeof(disabled));
  }
  if (reach != Reach::kNetwork) {
    setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, kLoopbackInterface,
               sizeof(kLoopbackInterface));
  }
  const bool is_listening =
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      listen(fd.get(), SOMAXCONN) == 0;
  if (is_listening) return fd;
  const int error = errno;
  fd.reset();
  errno = error;
  return fd;
}

// 0 where it has none.
int port_of(int fd) {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  // At the same place in both.
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

}  // namespace

Reach reach_of(const std::string& address) {
  return is_loopback(address) ? Reach::kLoopback : Reach::kNetwork;
}

FileDescriptor try_to_listen(int port, Reach reach) {
  if (reach == Reach::kThisMachine) return listen_at(AF_INET, loopback(port), reach);
  FileDescriptor fd = listen_at(AF_INET6, every_address(port), reach);
  const bool has_no_ipv6 = !fd.is_open() && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL);
  return has_no_ipv6 ? listen_at(AF_INET, every_ipv4_address(port), reach) : std::move(fd);
}

absl::StatusOr<ListeningSocket> open_listening_socket(int port, Reach reach) {
  FileDescriptor fd = try_to_listen(port, reach);
  if (!fd.is_open()) return listen_error(port, reach, errno);
  const int bound_port = port_of(fd.get());
  return ListeningSocket{std::move(fd), bound_port};
}

}  // namespace accelerate::launcher
