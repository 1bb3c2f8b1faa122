#include "launcher/supervisor/worker_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "launcher/posix/system_error.h"

namespace accelerate::launcher {
namespace {

absl::StatusOr<FileDescriptor> open_log(const std::string& path) {
  FileDescriptor log(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (log.is_open()) return log;
  return absl::FailedPreconditionError(absl::StrCat(
      "cannot write ", path, ": ", std::strerror(errno), "; correct --log_dir, or leave it out."));
}

}  // namespace

absl::StatusOr<FileDescriptor> add_rank(const OutputRoute& route, OutputRelay& relay) {
  RelaySource source = {
      .prefix = route.prefix, .log_path = route.log_file, .is_shown = route.is_shown};
  FileDescriptor write_end;
  if (route.is_relayed) {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0) return system_error("pipe2");
    source.pipe = FileDescriptor(ends[0]);
    write_end = FileDescriptor(ends[1]);
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return system_error("fcntl");
  }
  if (!route.log_file.empty()) {
    absl::StatusOr<FileDescriptor> log = open_log(route.log_file);
    if (!log.ok()) return log.status();
    source.log = *std::move(log);
  }
  relay.add(std::move(source));
  return write_end;
}

}  // namespace accelerate::launcher
