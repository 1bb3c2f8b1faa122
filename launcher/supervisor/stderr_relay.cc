#include "launcher/supervisor/stderr_relay.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace accelerate::launcher {
namespace {

constexpr std::chrono::milliseconds kOpenLineDelay(50);
constexpr std::size_t kReadSize = 64 * 1024;
constexpr int kNoRank = -1;

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      // Somebody else has made the terminal non-blocking.
      pollfd writable = {.fd = fd, .events = POLLOUT, .revents = 0};
      poll(&writable, 1, /*timeout=*/-1);
    } else if (errno != EINTR) {
      return;
    }
  }
}

}  // namespace

void StderrRelay::add(FileDescriptor pipe) {
  sources_.push_back({.pipe = std::move(pipe), .tail = {}, .open_line = "", .open_since = {}});
}

std::vector<int> StderrRelay::fds() const {
  std::vector<int> fds;
  for (const Source& source : sources_) {
    if (source.pipe.is_open()) fds.push_back(source.pipe.get());
  }
  return fds;
}

std::optional<std::chrono::milliseconds> StderrRelay::wait() const {
  std::optional<std::chrono::milliseconds> shortest;
  const Clock::time_point now = Clock::now();
  for (const Source& source : sources_) {
    if (source.open_line.empty()) continue;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(source.open_since + kOpenLineDelay - now);
    shortest = std::min(shortest.value_or(kOpenLineDelay), std::max(left, left.zero()));
  }
  return shortest;
}

void StderrRelay::forward() {
  const Clock::time_point now = Clock::now();
  for (int rank = 0; rank < static_cast<int>(sources_.size()); ++rank) {
    read_once(rank);
    const Source& source = sources_[rank];
    if (!source.open_line.empty() && now - source.open_since >= kOpenLineDelay) {
      write_open_line(rank);
    }
  }
}

void StderrRelay::finish(int rank) {
  // No pipe holds more than this; what a process that the rank left behind goes on to write is
  // endless.
  constexpr std::size_t kMostPipeSize = 1024 * 1024;
  for (std::size_t size = 0; size < kMostPipeSize && read_once(rank); size += kReadSize) {
  }
  write_open_line(rank);
}

void StderrRelay::print(std::string_view lines) { write(kNoRank, lines); }

// Whether the pipe was full of text, so that there may be more.
bool StderrRelay::read_once(int rank) {
  Source& source = sources_[rank];
  if (!source.pipe.is_open()) return false;
  std::array<char, kReadSize> buffer;
  const ssize_t size = read(source.pipe.get(), buffer.data(), buffer.size());
  if (size == 0) source.pipe.reset();
  if (size <= 0) return false;

  const std::string_view chunk(buffer.data(), static_cast<std::size_t>(size));
  source.tail.append(chunk);
  if (source.open_line.empty()) source.open_since = Clock::now();
  source.open_line += chunk;
  const std::size_t newline = source.open_line.rfind('\n');
  if (newline != std::string::npos) {
    write(rank, std::string_view(source.open_line).substr(0, newline + 1));
    source.open_line.erase(0, newline + 1);
    source.open_since = Clock::now();
  }
  return true;
}

void StderrRelay::write_open_line(int rank) {
  write(rank, sources_[rank].open_line);
  sources_[rank].open_line.clear();
}

void StderrRelay::write(int writer, std::string_view text) {
  if (text.empty()) return;
  if (mid_line_writer_.has_value() && *mid_line_writer_ != writer) write_all(output_, "\n");
  write_all(output_, text);
  mid_line_writer_.reset();
  if (!text.ends_with('\n')) mid_line_writer_ = writer;
}

}  // namespace accelerate::launcher
