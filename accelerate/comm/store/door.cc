#include "accelerate/comm/store/door.h"

#include <linux/filter.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <stdexcept>

#include "launcher/posix/listening_socket.h"

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

// An address of IPv4 that is written as a number is bound to itself, for which no kernel is too
// old.
launcher::Reach reach_of(const std::string& address) {
  return address == "127.0.0.1" ? launcher::Reach::kThisMachine : launcher::reach_of(address);
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
  return launcher::reach_of(address) != launcher::Reach::kNetwork;
}

int listen_at(const std::string& address, int port) {
  launcher::FileDescriptor socket = launcher::try_to_listen(port, reach_of(address));
  if (socket.is_open()) return socket.release();
  const std::string where = "port " + std::to_string(port) + " of this machine ";
  if (errno == EADDRINUSE)
    throw std::runtime_error(
        where +
        "is taken by another process; choose another port, the same "
        "for all processes (MASTER_PORT, or --main_process_port of a launcher)");
  const int error = errno;
  throw std::runtime_error(where + "cannot be opened: " + std::strerror(error) +
                           (error == EACCES ? "; choose one above 1023 (MASTER_PORT)"
                                            : "; check the limit of open files (ulimit -n)"));
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
