#include "accelerate/logging/log_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "accelerate/logging/log_mutex.h"
#include "accelerate/progress_bar/above_bars.h"
#include "launcher/posix/file_descriptor.h"
#include "launcher/posix/whole_write.h"

namespace accelerate::internal {
namespace {

struct Stream {
  int fd;
  std::atomic<bool> is_mid_line = false;  // The rest of a line was lost.
};

struct LogFile {
  LogFile(std::string path, launcher::FileDescriptor fd)
      : path(std::move(path)), owner(std::move(fd)) {}

  std::string path;
  launcher::FileDescriptor owner;
  Stream stream = {.fd = owner.get()};
  std::atomic<bool> has_told = false;  // That lines are lost.
};

// Neither of the two is ever destroyed: static objects write lines when they are.
Stream& standard_error() {
  static auto& stream = *new Stream{.fd = STDERR_FILENO};
  return stream;
}
// Under the mutex; whoever writes to the file holds it meanwhile.
std::shared_ptr<LogFile>& current_file() {
  static auto& file = *new std::shared_ptr<LogFile>;
  return file;
}

// Returns errno, and 0 where all is written.
int write_lines(Stream& stream, std::string lines) {
  const bool was_mid_line = stream.is_mid_line.exchange(false);
  if (was_mid_line) lines.insert(0, 1, '\n');
  const launcher::WholeWrite end = launcher::write_whole(stream.fd, lines);
  if (end.error != 0)
    stream.is_mid_line = end.size == 0 ? was_mid_line : lines[end.size - 1] != '\n';
  return end.error;
}

bool is_set(const char* variable) {
  const char* const value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

bool takes_colours(const Stream& stream) {
  if (isatty(stream.fd) == 0 || is_set("NO_COLOR")) return false;
  const char* const terminal = std::getenv("TERM");
  return terminal != nullptr && *terminal != '\0' && std::string_view(terminal) != "dumb";
}

void write_to_errors(const LogRecord& record, std::chrono::system_clock::time_point time) {
  Stream& stream = standard_error();
  std::string lines = log_lines(record, time, {.is_coloured = takes_colours(stream)});
  write_above_bars(stream.fd, [&] { write_lines(stream, std::move(lines)); });
}

void write_everywhere(const LogRecord& record) {
  const auto now = std::chrono::system_clock::now();
  write_to_errors(record, now);
  std::shared_ptr<LogFile> also;
  {
    const std::lock_guard lock(log_mutex());
    also = current_file();
  }
  if (also == nullptr) return;
  const int error = write_lines(also->stream, log_lines(record, now, {}));
  if (error == 0 || also->has_told.exchange(true)) return;
  const std::string message = absl::StrCat(
      "lines of the log are missing in ", also->path, ": ", std::generic_category().message(error),
      "; what is written when there is room again will be there");
  write_to_errors({.level = LogLevel::kWarning, .logger = "accelerate", .message = message}, now);
}

}  // namespace

void write_log(const LogRecord& record) {
  const int old_errno = errno;
  try {
    write_everywhere(record);
  } catch (const std::exception&) {
    // Out of memory; the run may get on all the same.
  }
  errno = old_errno;
}

int write_log_to_file(const std::string& path) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC;
  launcher::FileDescriptor fd(open(path.c_str(), kFlags, 0666));
  if (!fd.is_open()) return errno;
  auto file = std::make_shared<LogFile>(path, std::move(fd));
  const std::lock_guard lock(log_mutex());
  current_file().swap(file);
  return 0;
}

}  // namespace accelerate::internal
