// Whether a process can be reached at ::1, for tests that connect there. A kernel may know IPv6 and
// have no address of it, as in containers.
//
//   const std::string host = has_ipv6_loopback() ? "::1" : "127.0.0.1";
//
// Not for programs, which try to connect.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace accelerate::launcher {

inline bool has_ipv6_loopback() {
  const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_in6 address = {};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  const bool is_there = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return is_there;
}

}  // namespace accelerate::launcher
