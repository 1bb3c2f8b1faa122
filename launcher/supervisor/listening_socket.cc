#include "launcher/supervisor/listening_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace accelerate::launcher {
namespace {

absl::Status listen_error(int port, Reach reach, int error) {
  const std::string where = absl::StrCat(
      "cannot listen on ", reach == Reach::kNetwork ? "0.0.0.0:" : "127.0.0.1:", port, ": ");
  if (error == EADDRINUSE) {
    return absl::UnavailableError(absl::StrCat(
        where, "another process uses this port; pass ",
        reach == Reach::kNetwork ? "another --main_process_port on all machines."
                                 : "--main_process_port=0 for any free port, or another number."));
  }
  if (error == EACCES) {
    return absl::PermissionDeniedError(absl::StrCat(
        where, "this port is reserved for the system; pass --main_process_port=0 for any free ",
        "port, or a number above 1023."));
  }
  return absl::UnavailableError(absl::StrCat(where, std::strerror(error),
                                             "; check the loopback interface and the limit of ",
                                             "open files (ulimit -n)."));
}

}  // namespace

absl::StatusOr<ListeningSocket> open_listening_socket(int port, Reach reach) {
  FileDescriptor fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return listen_error(port, reach, errno);

  // A port whose last connections still time out is free enough.
  const int enabled = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &enabled, sizeof(enabled));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(reach == Reach::kNetwork ? INADDR_ANY : INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  socklen_t size = sizeof(address);
  auto* generic_address = reinterpret_cast<sockaddr*>(&address);
  if (bind(fd.get(), generic_address, size) != 0 || listen(fd.get(), SOMAXCONN) != 0 ||
      getsockname(fd.get(), generic_address, &size) != 0) {
    return listen_error(port, reach, errno);
  }
  return ListeningSocket{std::move(fd), ntohs(address.sin_port)};
}

}  // namespace accelerate::launcher
