#include "launcher/supervisor/adoption.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "launcher/env/environment.h"

namespace accelerate::launcher {
namespace {

constexpr char kMarkVariable[] = "ACCELERATE_LAUNCHER_MARK";
// Between two marks, and behind the last one.
constexpr char kMarkEnd[] = ";";
// A process ends within milliseconds of SIGKILL, or in as many seconds as its gigabytes take to be
// given back; one of another user does not end.
constexpr int kMostRounds = 1000;
constexpr int kMostRoundsOfDying = 15'000;
constexpr int kRoundMilliseconds = 2;

bool contains(const std::vector<pid_t>& pids, pid_t pid) {
  return std::find(pids.begin(), pids.end(), pid) != pids.end();
}

// Of all threads of a process, zombies included; none where it has gone.
std::vector<pid_t> children(pid_t parent) {
  std::vector<pid_t> pids;
  std::error_code error;
  for (const auto& task :
       std::filesystem::directory_iterator(absl::StrCat("/proc/", parent, "/task"), error)) {
    std::ifstream file(task.path() / "children");
    pids.insert(pids.end(), std::istream_iterator<pid_t>(file), {});
  }
  return pids;
}

// What most launchers, before they start anything, need not look for in files.
bool has_children() {
  siginfo_t info = {};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 || errno != ECHILD;
}

bool is_marked(pid_t pid, const std::string& id) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/environ"));
  const std::string environment{std::istreambuf_iterator<char>(file), {}};
  return absl::StrContains(environment, id);
}

// Whether one of them was there and may be killed.
bool kill_with_descendants(pid_t pid) {
  const std::vector<pid_t> descendants = children(pid);  // Which are orphans in a moment.
  bool has_killed = kill(pid, SIGKILL) == 0;
  for (const pid_t child : descendants) has_killed |= kill_with_descendants(child);
  return has_killed;
}

bool is_ended(pid_t child) { return waitpid(child, nullptr, WNOHANG) == child; }

}  // namespace

Adoption::Adoption()
    : strangers_(has_children() ? children(getpid()) : std::vector<pid_t>()),
      id_(absl::StrCat(getpid(), "-", std::chrono::system_clock::now().time_since_epoch().count(),
                       kMarkEnd)) {
  int was_adopting = 0;
  prctl(PR_GET_CHILD_SUBREAPER, &was_adopting);
  was_adopting_ = was_adopting != 0;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
}

Adoption::~Adoption() { prctl(PR_SET_CHILD_SUBREAPER, was_adopting_ ? 1 : 0); }

std::pair<std::string, std::string> Adoption::mark() const {
  return {kMarkVariable, absl::StrCat(process_environment(kMarkVariable).value_or(""), id_)};
}

std::vector<pid_t> Adoption::adopted(const std::vector<pid_t>& others) const {
  std::vector<pid_t> pids = children(getpid());
  std::erase_if(pids,
                [&](pid_t pid) { return contains(others, pid) || contains(strangers_, pid); });
  return pids;
}

void Adoption::reap(const std::vector<pid_t>& others) const {
  for (const pid_t pid : adopted(others)) is_ended(pid);
}

std::vector<pid_t> Adoption::end(const std::vector<pid_t>& others) const {
  const bool has_only_its_own = strangers_.empty() && getpid() != 1;
  std::vector<pid_t> left;
  for (int round = 0; round < kMostRoundsOfDying; ++round) {
    left = adopted(others);
    std::erase_if(left, is_ended);
    if (!has_only_its_own) std::erase_if(left, [this](pid_t pid) { return !is_marked(pid, id_); });
    if (left.empty()) break;
    bool has_killed = false;
    for (const pid_t pid : left) has_killed |= kill_with_descendants(pid);
    if (!has_killed && round >= kMostRounds) break;
    poll(nullptr, 0, kRoundMilliseconds);
  }
  return left;
}

void kill_marked(const std::pair<std::string, std::string>& mark) {
  bool has_killed = true;
  for (int round = 0; has_killed && round < kMostRounds; ++round) {
    has_killed = false;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
      pid_t pid = 0;
      if (!absl::SimpleAtoi(entry.path().filename().string(), &pid) || pid == getpid()) continue;
      if (is_marked(pid, mark.second)) has_killed |= kill(pid, SIGKILL) == 0;
    }
    if (has_killed) poll(nullptr, 0, kRoundMilliseconds);
  }
}

}  // namespace accelerate::launcher
