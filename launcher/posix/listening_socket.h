// A TCP socket that listens, for this machine or for others too.
//
// Example:
//   absl::StatusOr<ListeningSocket> store = open_listening_socket(/*port=*/0);
//   // store->port is the one that the system chose; store->fd goes to the process that accepts.
//
// Bound before the process that uses it is forked, so that no other program can take the port in
// in between. Not for a socket that only some of a machine's networks are to reach.
//
// Where several machines meet, an address that is no loopback one does not choose the interface: it
// may be that of a gateway which passes connections on, and machines may know this one by others.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "launcher/posix/file_descriptor.h"

namespace accelerate::launcher {

struct ListeningSocket {
  FileDescriptor fd;  // Closed on exec.
  int port = 0;
};

// Who can connect: through 127.0.0.1 alone; through the loopback interface, by any of its addresses
// of IPv4 and IPv6; or through every address of this machine. (Linux before 5.7 lets only root bind
// to an interface: there the second is the third.)
enum class Reach { kThisMachine, kLoopback, kNetwork };

// Of machines that meet at `address`, a name or a number: kLoopback where it leads nowhere else.
Reach reach_of(const std::string& address);

// Listens at `port`, 0 for any free one. Not open, with errno, where that cannot be. Thread-safe.
FileDescriptor try_to_listen(int port, Reach reach);

// The same for a launcher. Unavailable where the port is taken, with what to do about
// it. Thread-safe.
absl::StatusOr<ListeningSocket> open_listening_socket(int port, Reach reach = Reach::kThisMachine);

}  // namespace accelerate::launcher
