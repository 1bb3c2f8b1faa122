#include "accelerate/comm/shared_memory/descriptor_mailbox.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <system_error>

// Why a socket that carries the descriptor
//
// The other way to a file without a name, /proc/<pid>/fd/<n> of who made it, needs to see that
// process: not between PID namespaces, and not where ptrace is restricted. Datagrams to sockets of
// the receivers need no accept(), so that nobody waits for a process that has died.

namespace accelerate::internal {
namespace {

[[noreturn]] void fail(const char* call) {
  throw std::system_error(errno, std::generic_category(), call);
}

int open_socket() {
  const int result = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (result < 0) fail("socket");
  return result;
}

union Control {
  cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(int))];
};

}  // namespace

DescriptorMailbox::DescriptorMailbox() : socket_(open_socket()) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  socklen_t length = sizeof(sa_family_t);
  // Without a name, the kernel gives it an abstract one that nobody has.
  bool bound = bind(socket_, reinterpret_cast<sockaddr*>(&address), length) == 0;
  length = sizeof(address);
  bound = bound && getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  if (!bound) {
    const int error = errno;
    close(socket_);
    errno = error;
    fail("bind of a unix socket");
  }
  address_.assign(address.sun_path, length - offsetof(sockaddr_un, sun_path));
}

DescriptorMailbox::~DescriptorMailbox() { close(socket_); }

void DescriptorMailbox::send(const std::string& address, const std::string& token, int descriptor) {
  sockaddr_un to = {};
  to.sun_family = AF_UNIX;
  address.copy(to.sun_path, sizeof(to.sun_path));
  iovec text{.iov_base = const_cast<char*>(token.data()), .iov_len = token.size()};
  Control control = {};
  msghdr message = {};
  message.msg_name = &to;
  message.msg_namelen = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof(control);
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &descriptor, sizeof(int));

  const int from = open_socket();
  const ssize_t sent = sendmsg(from, &message, MSG_NOSIGNAL);
  const int error = errno;
  close(from);
  errno = error;
  if (sent < 0) fail("sending shared memory to another process of this host");
}

int DescriptorMailbox::receive(const std::string& token) const {
  while (true) {
    char text[256];
    iovec buffer{.iov_base = text, .iov_len = sizeof(text)};
    Control control = {};
    msghdr message = {};
    message.msg_iov = &buffer;
    message.msg_iovlen = 1;
    message.msg_control = &control;
    message.msg_controllen = sizeof(control);
    const ssize_t length = recvmsg(socket_, &message, MSG_CMSG_CLOEXEC);
    if (length < 0) fail("receiving shared memory from the first process of this host");
    const cmsghdr* const header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_type != SCM_RIGHTS) continue;
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(header), sizeof(int));
    if (std::string(text, length) == token) return descriptor;
    // From somebody else: anybody on this machine can write here.
    close(descriptor);
  }
}

}  // namespace accelerate::internal
