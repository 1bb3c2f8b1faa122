// A TCP socket that listens, for this machine only or for others too.
//
// Example:
//   absl::StatusOr<ListeningSocket> store = open_listening_socket(/*port=*/0);
//   // store->port is the one that the system chose; store->fd goes to the process that accepts.
//
// Bound before the process that uses it is forked, so that no other program can take the port in
// between. Not for a socket that only some networks of a machine may reach.
//
// If several machines meet, an address that is not a loopback address does not choose the
// interface: it may belong to a gateway, and other machines may know this one by other addresses.
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

// For machines that meet at `address`, a name or a number: kLoopback if it is a loopback address.
Reach reach_of(const std::string& address);

// Listens at `port`, 0 for any free one. On failure the result is not open, and errno is set.
// Thread-safe.
FileDescriptor try_to_listen(int port, Reach reach);

// The same for a launcher. Unavailable if the port is taken; the message says what to do about it.
// Thread-safe.
absl::StatusOr<ListeningSocket> open_listening_socket(int port, Reach reach = Reach::kThisMachine);

}  // namespace accelerate::launcher
