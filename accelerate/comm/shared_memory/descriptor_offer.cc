#include "accelerate/comm/shared_memory/descriptor_offer.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <system_error>

// Why a socket that carries the descriptor
//
// The other way to a file without a name, /proc/<pid>/fd/<n> of who made it, needs to see that
// process: not between PID namespaces, and not where ptrace is restricted.
//
// Why connections, and a thread that accepts them
//
// For a connection the kernel tells each side the user and the process of the other, as they were
// when it was made; for a datagram nobody knows who will read it. Whoever opens many connections
// fills the queue for as long as nobody accepts them.

#include "launcher/posix/random_secret.h"

namespace accelerate::internal {
namespace {

// Between two looks for a file that can be opened again.
constexpr int kPauseMilliseconds = 10;

[[noreturn]] void fail(const char* call) {
  throw std::system_error(errno, std::generic_category(), call);
}

// Whole messages, and connections.
int open_socket(int flags) {
  const int result = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);
  if (result < 0) fail("socket");
  return result;
}

// Of the other side of a connection; nobody's where that is not known.
ucred peer_of(int connection) {
  ucred peer = {.pid = -1, .uid = static_cast<uid_t>(-1), .gid = static_cast<gid_t>(-1)};
  socklen_t size = sizeof(peer);
  getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size);
  return peer;
}

// A message of one text, with room for a descriptor.
struct Message {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  iovec text;
  msghdr header = {};

  Message(char* bytes, size_t size) : text{.iov_base = bytes, .iov_len = size} {
    header.msg_iov = &text;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof(control);
  }
};

void send_descriptor(int connection, std::string token, int descriptor) {
  Message message(token.data(), token.size());
  cmsghdr* const header = CMSG_FIRSTHDR(&message.header);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
  // Who is gone, or was nobody, needs no answer.
  sendmsg(connection, &message.header, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// A signal's handler may run meanwhile, and ends calls that have a time-out.
template <class Call>
ssize_t uninterrupted(Call&& call) {
  while (true) {
    const ssize_t result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

struct Connection {
  const int fd;
  ~Connection() { close(fd); }
};

// -1 where there was none with this token.
int receive_descriptor(int connection, const std::string& token) {
  char text[64];
  Message message(text, sizeof(text));
  const ssize_t length =
      uninterrupted([&] { return recvmsg(connection, &message.header, MSG_CMSG_CLOEXEC); });
  if (length < 0) fail("receiving shared memory from the first process of this host");
  const cmsghdr* const header = CMSG_FIRSTHDR(&message.header);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return -1;
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(header), sizeof(int));
  if (std::string(text, length) == token) return descriptor;
  close(descriptor);
  return -1;
}

}  // namespace

DescriptorOffer::DescriptorOffer(int descriptor, DescriptorOfferOptions options)
    : descriptor_(descriptor),
      options_(std::move(options)),
      token_(launcher::random_secret().value()),
      socket_(open_socket(SOCK_NONBLOCK)) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  socklen_t length = sizeof(sa_family_t);
  // Without a name, the kernel gives it an abstract one that nobody has.
  bool is_open = bind(socket_, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
                 listen(socket_, SOMAXCONN) == 0;
  length = sizeof(address);
  is_open = is_open && getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length) == 0 &&
            (end_ = eventfd(0, EFD_CLOEXEC)) >= 0;
  if (!is_open) {
    const int error = errno;
    close(socket_);
    errno = error;
    fail("listening on a unix socket");
  }
  address_.assign(address.sun_path, length - offsetof(sockaddr_un, sun_path));
  thread_ = std::thread([this] { serve(); });
}

DescriptorOffer::~DescriptorOffer() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(end_, &one, sizeof(one));
  thread_.join();
  close(socket_);
  close(end_);
}

void DescriptorOffer::serve() const {
  while (true) {
    pollfd polled[] = {{.fd = socket_, .events = POLLIN, .revents = 0},
                       {.fd = end_, .events = POLLIN, .revents = 0}};
    poll(polled, 2, -1);
    if (polled[1].revents != 0) return;
    serve_next();
  }
}

void DescriptorOffer::serve_next() const {
  const int accepted = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
  if (accepted < 0) {
    // Somebody has all of this process's files; poll() would not wait.
    pollfd polled = {.fd = end_, .events = POLLIN, .revents = 0};
    if (errno == EMFILE || errno == ENFILE) poll(&polled, 1, kPauseMilliseconds);
    return;
  }
  const Connection connection{accepted};
  const ucred peer = peer_of(accepted);
  const bool may_have_it =
      peer.uid == geteuid() && (options_.pids.empty() || options_.pids.count(peer.pid) > 0);
  if (may_have_it) send_descriptor(accepted, token_, descriptor_);
}

int take_descriptor(const DescriptorSource& source, std::chrono::milliseconds timeout) {
  const Connection connection{open_socket(0)};
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(timeout);
  const timeval limit = {.tv_sec = seconds.count(), .tv_usec = 0};
  setsockopt(connection.fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  setsockopt(connection.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (source.address.size() > sizeof(address.sun_path))
    throw std::runtime_error(
        "the first process of this host gave an address that is too long for a unix socket");
  source.address.copy(address.sun_path, sizeof(address.sun_path));
  const auto length = offsetof(sockaddr_un, sun_path) + source.address.size();
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  const ssize_t connected = uninterrupted(
      [&] { return connect(connection.fd, generic, static_cast<socklen_t>(length)); });
  if (connected < 0) fail("connecting to the first process of this host");
  const ucred peer = peer_of(connection.fd);
  const bool is_right = peer.uid == geteuid() && (source.pid == 0 || peer.pid == source.pid);
  const int descriptor = is_right ? receive_descriptor(connection.fd, source.token) : -1;
  if (descriptor < 0)
    throw std::runtime_error(
        "what answers for the first process of this host is another process, or another user's");
  return descriptor;
}

}  // namespace accelerate::internal
