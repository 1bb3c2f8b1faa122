// The port at which a run's store listens: LibTorch would open it on all addresses, and leave it
// open to everybody for as long as the run goes on.
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

// A socket that listens at a port of this machine: through its loopback interface alone where the
// address is a loopback one, and otherwise through all, whatever the address, since others may know
// this machine by another. Throws std::runtime_error with what to do.
int listen_at(const std::string& address, int port);

// Nobody connects to the socket any more; connections that are there stay. It stays open: the port
// is not free, and a thread may be polling it.
class ClosedDoor {
 public:
  ClosedDoor(int socket, int port);
  ClosedDoor(const ClosedDoor&) = delete;
  ClosedDoor& operator=(const ClosedDoor&) = delete;
  ~ClosedDoor();

 private:
  int sign_;
};

// The process of this user that has closed this port of this machine and still runs, if any.
std::optional<pid_t> find_closed_door(int port);

}  // namespace accelerate::internal
