#include "launcher/supervisor/output_relay.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace accelerate::launcher {
namespace {

constexpr std::chrono::milliseconds kOpenLineDelay(50);
constexpr std::size_t kReadSize = 64 * 1024;
constexpr int kNoRank = -1;

// Whether all of it could be written; errno says why not.
bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

// `text` with `prefix` before each of its lines; before the first one only if it starts there.
std::string prefixed(std::string_view text, const std::string& prefix, bool starts_line) {
  std::string lines;
  while (!text.empty()) {
    const std::size_t size = std::min(text.find('\n'), text.size() - 1) + 1;
    if (starts_line) lines += prefix;
    lines += text.substr(0, size);
    text.remove_prefix(size);
    starts_line = true;
  }
  return lines;
}

}  // namespace

OutputRelay::OutputRelay(int output, std::function<void(std::string_view)> remark)
    : writer_(output), remark_(std::move(remark)) {
  if (remark_ == nullptr) {
    remark_ = [this](std::string_view lines) { print(lines); };
  }
}

void OutputRelay::add(RelaySource source) {
  sources_.push_back({.from = std::move(source), .tail = {}, .open_line = "", .open_since = {}});
}

void OutputRelay::add_to(std::vector<pollfd>& polled) const {
  if (writer_.has_rest()) polled.push_back({.fd = writer_.fd(), .events = POLLOUT, .revents = 0});
  if (writer_.is_full()) return;
  for (const Source& source : sources_) {
    if (!source.from.pipe.is_open()) continue;
    polled.push_back({.fd = source.from.pipe.get(), .events = POLLIN, .revents = 0});
  }
}

std::optional<std::chrono::milliseconds> OutputRelay::wait() const {
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

void OutputRelay::forward() {
  const Clock::time_point now = Clock::now();
  writer_.flush();
  look_for_error();
  for (int rank = 0; rank < static_cast<int>(sources_.size()); ++rank) {
    if (!writer_.is_full()) read_once(rank);
    const Source& source = sources_[rank];
    if (!source.open_line.empty() && now - source.open_since >= kOpenLineDelay) {
      write_open_line(rank);
    }
  }
}

void OutputRelay::finish(int rank) {
  // No pipe holds more than this; what a process that the rank left behind goes on to write is
  // endless.
  constexpr std::size_t kMostPipeSize = 1024 * 1024;
  for (std::size_t size = 0; size < kMostPipeSize && read_once(rank); size += kReadSize) {
  }
  write_open_line(rank);
}

void OutputRelay::print(std::string_view lines) { write(kNoRank, lines); }

// Whether the pipe was full of text, so that there may be more.
bool OutputRelay::read_once(int rank) {
  Source& source = sources_[rank];
  if (!source.from.pipe.is_open()) return false;
  std::array<char, kReadSize> buffer;
  const ssize_t size = read(source.from.pipe.get(), buffer.data(), buffer.size());
  if (size == 0) source.from.pipe.reset();
  if (size <= 0) return false;

  const std::string_view chunk(buffer.data(), static_cast<std::size_t>(size));
  source.tail.append(chunk);
  write_log(source, chunk);
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

void OutputRelay::write_log(Source& source, std::string_view chunk) {
  RelaySource& from = source.from;
  if (!from.log.is_open() || write_all(from.log.get(), chunk)) return;
  // Once, and the run goes on: its output still passes.
  remark_(absl::StrCat("accelerate: cannot write ", from.log_path, ": ", std::strerror(errno),
                       "; the rest of this output is not kept; make room for it.\n"));
  from.log.reset();
}

void OutputRelay::write_open_line(int rank) {
  write(rank, sources_[rank].open_line);
  sources_[rank].open_line.clear();
}

void OutputRelay::write_output(std::string_view text) {
  writer_.write(text);
  look_for_error();
  if (has_given_up_) drop_rest();
}

void OutputRelay::look_for_error() {
  const int error = writer_.error();
  if (error == 0 || has_lost_) return;
  if (error == EPIPE) {
    for (Source& source : sources_) source.from.pipe.reset();
    return;
  }
  has_lost_ = true;
  remark_(absl::StrCat("accelerate: cannot write what the processes print: ", std::strerror(error),
                       "; some of it is lost; make room for it.\n"));
}

void OutputRelay::give_up() {
  has_given_up_ = true;
  drop_rest();
}

void OutputRelay::drop_rest() {
  if (writer_.drop() == 0 || has_told_of_dropping_) return;
  has_told_of_dropping_ = true;
  remark_("accelerate: nobody reads what the processes print; the rest of it is dropped.\n");
}

void OutputRelay::close() {
  sources_.clear();
  writer_.close();
}

void OutputRelay::write(int writer, std::string_view text) {
  if (text.empty()) return;
  const bool continues_line = mid_line_writer_ == writer;
  if (mid_line_writer_.has_value() && !continues_line) write_output("\n");
  if (writer == kNoRank || sources_[writer].from.prefix.empty()) {
    write_output(text);
  } else {
    write_output(prefixed(text, sources_[writer].from.prefix, !continues_line));
  }
  mid_line_writer_.reset();
  if (!text.ends_with('\n')) mid_line_writer_ = writer;
}

}  // namespace accelerate::launcher
