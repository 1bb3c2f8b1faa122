#include "launcher/supervisor/flight_reporter.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "launcher/flight_record/flight_report.h"
#include "launcher/posix/close_files.h"
#include "launcher/posix/time_left.h"

namespace accelerate::launcher {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestInterval(5000);
constexpr milliseconds kShortestInterval(100);
// In intervals: a look that comes later than that comes after this process was stopped.
constexpr int kMostDelay = 2;
// Until a writer that was told to end is killed.
constexpr int kMostRounds = 500;
constexpr int kRoundMilliseconds = 2;

milliseconds interval(const FlightReporterOptions& options) {
  return std::clamp(options.hang_timeout / 4, kShortestInterval, kLongestInterval);
}

std::string lines_of(const std::vector<std::string>& sentences) {
  std::string lines;
  for (const std::string& each : sentences) absl::StrAppend(&lines, "  | ", each, "\n");
  return lines;
}

void say(const std::string& text) {
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t size = write(STDOUT_FILENO, rest.data(), rest.size());
    if (size < 0 && errno != EINTR) return;
    if (size > 0) rest.remove_prefix(static_cast<std::size_t>(size));
  }
}

// First without the stacks: what is known already is there, whatever becomes of the processes.
void write_report(FlightView& view, const std::vector<std::string>& told,
                  const FlightReportOptions& options) {
  const absl::StatusOr<std::string> path = write_flight_report(view, options);
  if (!path.ok()) {
    return say(absl::StrCat(
        "accelerate: the report could not be written to a file: ", path.status().message(), "\n"));
  }
  say(absl::StrCat("accelerate: what each rank did last is in ", *path,
                   "; the stacks of its threads will follow there.\n"));
  read_all_stacks(view);
  const std::vector<std::string> news = findings(view, told);
  const absl::Status whole = rewrite_flight_report(*path, view, options);
  say(absl::StrCat("accelerate: ",
                   whole.ok() ? absl::StrCat("the threads are in ", *path, " now")
                              : std::string(whole.message()),
                   news.empty() ? ".\n" : ":\n", lines_of(news)));
}

[[noreturn]] void run_writer(int output, FlightView& view, const std::vector<std::string>& told,
                             const FlightReportOptions& options) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  // Out of the terminal's reach: what is typed there is for the launcher.
  setpgid(0, 0);
  dup2(output, STDOUT_FILENO);
  close_files_from(STDERR_FILENO + 1);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  write_report(view, told, options);
  _exit(0);
}

}  // namespace

FlightReporter::FlightReporter(const FlightReporterOptions& options)
    : options_(options),
      memory_(FlightMemory::create({.num_ranks = options.num_ranks,
                                    .first_rank = options.first_rank,
                                    .world_size = options.world_size})),
      watch_(options.hang_timeout) {
  if (memory_.ok() && options.hang_timeout != milliseconds(0))
    next_look_ = Clock::now() + interval(options);
}

std::string FlightReporter::path() const { return memory_.ok() ? memory_->path() : ""; }

void FlightReporter::note_start(int local_rank, pid_t pid) {
  if (memory_.ok()) memory_->note_start(local_rank, pid);
}

void FlightReporter::add_to(std::vector<pollfd>& polled) const {
  if (news_.is_open()) polled.push_back({.fd = news_.get(), .events = POLLIN, .revents = 0});
}

std::optional<milliseconds> FlightReporter::wait() const {
  if (!next_look_.has_value()) return std::nullopt;
  return time_left(*next_look_);
}

std::string FlightReporter::handle() {
  std::string lines;
  if (news_.is_open()) {
    std::array<char, 4096> buffer;
    ssize_t size = 0;
    while ((size = read(news_.get(), buffer.data(), buffer.size())) > 0)
      lines.append(buffer.data(), static_cast<std::size_t>(size));
    if (size == 0) {
      news_.reset();
      waitpid(std::exchange(writer_, 0), nullptr, 0);
      // Its debuggers have stopped one rank after the other.
      forget_time();
    }
  }
  const Clock::time_point now = Clock::now();
  if (next_look_.has_value() && now >= *next_look_) {
    // The ranks were stopped with it.
    if (now - *next_look_ > kMostDelay * interval(options_)) forget_time();
    next_look_ = now + interval(options_);
    // What is found while another report is being written is told when that is there.
    if (writer_ == 0 && watch_.is_new_hang(memory_->read())) {
      const double seconds = std::chrono::duration<double>(options_.hang_timeout).count();
      lines += report(
          absl::StrCat("as a rank has waited for more than ", seconds, " s (--hang_timeout)"));
    }
  }
  return lines;
}

std::string FlightReporter::report_for_signal() { return report("as SIGQUIT has come"); }

std::string FlightReporter::report(const std::string& occasion) {
  if (!memory_.ok()) return absl::StrCat("accelerate: ", memory_.status().message(), "\n");
  FlightView view = look_at(*memory_);
  const std::vector<std::string> sentences = findings(view);
  return absl::StrCat("accelerate: where the processes are, ", occasion, ":\n", lines_of(sentences),
                      start_writer(std::move(view), sentences, occasion));
}

std::string FlightReporter::start_writer(FlightView view, const std::vector<std::string>& told,
                                         const std::string& occasion) {
  if (writer_ != 0) return "accelerate: the file of the last report is still being written.\n";
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) == 0) {
    news_ = FileDescriptor(ends[0]);
    const FileDescriptor write_end(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    const pid_t pid = fork();
    if (pid == 0)
      run_writer(ends[1], view, told, {.occasion = occasion, .folder = options_.folder});
    if (pid > 0) {
      writer_ = pid;
      return "";
    }
    news_.reset();
  }
  return absl::StrCat(
      "accelerate: the report could not be written to a file: ", std::strerror(errno), "\n");
}

void FlightReporter::stop() {
  next_look_.reset();
  news_.reset();
  if (writer_ == 0) return;
  // It ends its debugger on its way.
  kill(writer_, SIGTERM);
  for (int round = 0; round < kMostRounds; ++round) {
    if (waitpid(writer_, nullptr, WNOHANG) != 0) break;
    poll(nullptr, 0, kRoundMilliseconds);
    if (round + 1 == kMostRounds) kill(writer_, SIGKILL);
  }
  writer_ = 0;
}

void FlightReporter::close() {
  news_.reset();
  writer_ = 0;
  if (memory_.ok()) memory_->close();
}

}  // namespace accelerate::launcher
