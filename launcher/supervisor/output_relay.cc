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

// Until a line without an end is passed on: what is written in one go arrives within this.
constexpr std::chrono::milliseconds kOpenLineDelay(50);
// Until others interrupt such a line. Its process may be without a processor for as long.
constexpr std::chrono::milliseconds kInterruptionDelay(500);
// Nor is more than this kept of theirs.
constexpr std::size_t kMostWaiting = 64 * 1024;
constexpr std::size_t kReadSize = 64 * 1024;
constexpr int kNoRank = -1;

// Whether all of it could be written; errno says why not.
bool write_to_file(int fd, std::string_view text) {
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
  sources_.push_back({.from = std::move(source), .tail = {}, .waiting = "", .since = {}});
}

void OutputRelay::add_to(std::vector<pollfd>& polled) const {
  if (writer_.has_rest()) polled.push_back({.fd = writer_.fd(), .events = POLLOUT, .revents = 0});
  for (const Source& source : sources_) {
    if (!source.from.pipe.is_open() || (source.from.is_shown && writer_.is_full())) continue;
    polled.push_back({.fd = source.from.pipe.get(), .events = POLLIN, .revents = 0});
  }
}

std::optional<std::chrono::milliseconds> OutputRelay::wait() const {
  std::optional<std::chrono::milliseconds> shortest;
  const Clock::time_point now = Clock::now();
  for (int rank = 0; rank < static_cast<int>(sources_.size()); ++rank) {
    if (sources_[rank].waiting.empty()) continue;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(due_time(rank) - now);
    shortest = std::min(shortest.value_or(kInterruptionDelay), std::max(left, left.zero()));
  }
  return shortest;
}

void OutputRelay::forward() {
  writer_.flush();
  look_for_error();
  for (int rank = 0; rank < static_cast<int>(sources_.size()); ++rank) {
    if (!sources_[rank].from.is_shown || !writer_.is_full()) read_once(rank);
  }
  const Clock::time_point now = Clock::now();
  for (int rank = 0; rank < static_cast<int>(sources_.size()); ++rank) {
    if (sources_[rank].waiting.empty()) continue;
    if (!would_interrupt(rank)) write_lines(rank);
    if (now >= due_time(rank)) write_what_waits(rank);
  }
}

void OutputRelay::finish(int rank) {
  // No pipe holds more than this; what a process that the rank left behind goes on to write is
  // endless.
  constexpr std::size_t kMostPipeSize = 1024 * 1024;
  for (std::size_t size = 0; size < kMostPipeSize && read_once(rank); size += kReadSize) {
  }
  sources_[rank].has_ended = true;
  if (!would_interrupt(rank)) write_what_waits(rank);
}

void OutputRelay::finish_all() {
  const int num_ranks = static_cast<int>(sources_.size());
  for (int rank = 0; rank < num_ranks; ++rank) finish(rank);
  // Of those that did not interrupt others.
  for (int rank = 0; rank < num_ranks; ++rank) write_what_waits(rank);
}

void OutputRelay::print(std::string_view lines) { write(kNoRank, lines); }

// Whether the pipe was full of text, so that there may be more.
bool OutputRelay::read_once(int rank) {
  Source& source = sources_[rank];
  if (!source.from.pipe.is_open()) return false;
  std::array<char, kReadSize> buffer;
  const ssize_t size = read(source.from.pipe.get(), buffer.data(), buffer.size());
  if (size == 0) {
    source.from.pipe.reset();
    source.has_ended = true;
  }
  if (size <= 0) return false;

  const std::string_view chunk(buffer.data(), static_cast<std::size_t>(size));
  source.tail.append(chunk);
  write_log(source, chunk);
  if (!source.from.is_shown) return true;
  if (source.waiting.empty()) source.since = Clock::now();
  source.waiting += chunk;
  if (!would_interrupt(rank)) {
    write_lines(rank);
  } else if (source.waiting.size() >= kMostWaiting) {
    write_what_waits(rank);
  }
  return true;
}

void OutputRelay::write_log(Source& source, std::string_view chunk) {
  RelaySource& from = source.from;
  if (!from.log.is_open() || write_to_file(from.log.get(), chunk)) return;
  has_lost_log_ = true;
  // Once, and the run goes on: its output still passes.
  remark_(absl::StrCat("accelerate: cannot write ", from.log_path, ": ", std::strerror(errno),
                       "; the rest of this output is not kept; make room for it.\n"));
  from.log.reset();
}

// Whether the output ends within a line of another rank, whose end may still come.
bool OutputRelay::would_interrupt(int rank) const {
  return mid_line_writer_.has_value() && *mid_line_writer_ != rank &&
         *mid_line_writer_ != kNoRank && !sources_[*mid_line_writer_].has_ended;
}

OutputRelay::Clock::time_point OutputRelay::due_time(int rank) const {
  const Source& source = sources_[rank];
  if (would_interrupt(rank)) return source.since + kInterruptionDelay;
  const bool has_line = source.waiting.find('\n') != std::string::npos;
  return source.since + (has_line || source.has_ended ? Clock::duration::zero() : kOpenLineDelay);
}

// Whether there were any.
bool OutputRelay::write_lines(int rank) {
  Source& source = sources_[rank];
  const std::size_t newline = source.waiting.rfind('\n');
  if (newline == std::string::npos) return false;
  write(rank, std::string_view(source.waiting).substr(0, newline + 1));
  source.waiting.erase(0, newline + 1);
  source.since = Clock::now();
  return true;
}

// Whole lines; an open one where there is nothing else, or its end will not come.
void OutputRelay::write_what_waits(int rank) {
  Source& source = sources_[rank];
  if (write_lines(rank) && !source.has_ended) return;
  write(rank, source.waiting);
  source.waiting.clear();
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
