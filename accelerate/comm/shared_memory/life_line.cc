#include "accelerate/comm/shared_memory/life_line.h"

#include <fcntl.h>

#include <cerrno>
#include <system_error>

// Why a lock on one byte of the shared file
//
// The kernel lets go of it however a process ends, SIGKILL included, and also when the communicator
// closes the file; whoever asks sees that at once. It works between containers with PID namespaces
// of their own, where kill(pid, 0) and pidfd_open() cannot name the peer, and a number that is used
// again does not pass for it. It is a POSIX lock because a child that is forked does not inherit
// it: an flock(), an open file description's lock and a socket would stay with such a child, and a
// dead rank would seem to live. A robust mutex belongs to one thread, which may end before its
// process. A heartbeat would need a thread, and cannot tell a dead peer from one that is stopped
// in a debugger.
//
// The price: closing any descriptor of the file lets go of the lock. The region has only one, which
// nobody else knows.

namespace accelerate::internal {
namespace {

struct flock byte_of(int rank) {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = rank;
  lock.l_len = 1;
  return lock;
}

}  // namespace

void hold_life_line(int descriptor, int rank) {
  struct flock lock = byte_of(rank);
  if (fcntl(descriptor, F_SETLK, &lock) < 0)
    throw std::system_error(errno, std::generic_category(), "locking a byte of shared memory");
}

bool has_life_line(int descriptor, int rank) {
  struct flock lock = byte_of(rank);
  // A call that fails tells nothing; time-outs are left then.
  return fcntl(descriptor, F_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
}

}  // namespace accelerate::internal
