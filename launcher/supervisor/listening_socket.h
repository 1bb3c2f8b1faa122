// A TCP socket that listens on this machine's loopback address.
//
// Example:
//   absl::StatusOr<ListeningSocket> store = open_listening_socket(/*port=*/0);
//   // store->port is the one that the system chose; store->fd goes to the process that accepts.
//
// Bound before the process that uses it is forked, so that no other program can take the port in
// between. Not for jobs of several machines: nobody else can reach 127.0.0.1.
#pragma once

#include "absl/status/statusor.h"
#include "launcher/supervisor/file_descriptor.h"

namespace accelerate::launcher {

struct ListeningSocket {
  FileDescriptor fd;  // Closed on exec.
  int port = 0;
};

// Listens on 127.0.0.1 at `port`, 0 for any free one. Unavailable where the port is taken, with
// what to do about it. Thread-safe.
absl::StatusOr<ListeningSocket> open_listening_socket(int port);

}  // namespace accelerate::launcher
