// The port at which a run's store listens. LibTorch would open it on all addresses and leave it
// open to everybody during the whole run.
//
//   const int socket = listen_at("127.0.0.1", 29500);   // Rank 0; LibTorch's store takes it over.
//   wait_until_all_are_there();
//   const ClosedDoor closed(socket, 29500);             // From now on nobody can connect.
//   // A process of this user that comes too late, to the same port of this machine:
//   if (const auto rank_0 = find_closed_door(29500)) leave(*rank_0);
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace accelerate::internal {

bool is_loopback(const std::string& address);

// Returns a socket that listens at a port of this machine: only on the loopback interface if the
// address is a loopback address, and otherwise on all interfaces, because other machines may know
// this one by another address. Throws std::runtime_error with what to do.
int listen_at(const std::string& address, int port);

// From its construction on, nobody can connect to the socket; existing connections remain. The
// socket stays open, because the port must stay taken, and a thread may be polling it.
class ClosedDoor {
 public:
  ClosedDoor(int socket, int port);
  ClosedDoor(const ClosedDoor&) = delete;
  ClosedDoor& operator=(const ClosedDoor&) = delete;
  ~ClosedDoor();

 private:
  int sign_;
};

// The running process of this user that has closed this port of this machine, if any.
std::optional<pid_t> find_closed_door(int port);

}  // namespace accelerate::internal
