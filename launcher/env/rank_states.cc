#include "launcher/env/rank_states.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "launcher/env/size_limits.h"
#include "launcher/posix/memory_file.h"

namespace accelerate::launcher {
namespace {

// By which the memory is known, too: hardly another file has just these.
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

// Negative where something else is there. Whatever it is, opening it does not wait.
int open_states(const std::string& path, int access) {
  const int fd = open(path.c_str(), access | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return fd;
  struct stat file = {};
  const bool is_known =
      has_seals(fd, kSeals) && fstat(fd, &file) == 0 && file.st_size <= kMostProcesses;
  if (is_known) return fd;
  ::close(fd);
  return -1;
}

void write_state(int fd, int local_rank, RankState state) {
  [[maybe_unused]] const ssize_t size = pwrite(fd, &state, sizeof(state), local_rank);
}

}  // namespace

absl::StatusOr<RankStates> RankStates::create(int num_processes) {
  RankStates states(make_memory_file("rank states").release());
  if (states.fd_ < 0 || ftruncate(states.fd_, num_processes) != 0 ||
      fcntl(states.fd_, F_ADD_SEALS, kSeals) != 0) {
    return absl::InternalError(
        absl::StrCat("cannot get memory for the states of processes: ", std::strerror(errno),
                     "; check the limits (ulimit -a)."));
  }
  return states;
}

std::string RankStates::path() const { return absl::StrCat("/proc/", getpid(), "/fd/", fd_); }

void RankStates::note_end(int local_rank) { write_state(fd_, local_rank, RankState::kEnded); }

void RankStates::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

std::vector<RankState> read_rank_states(const std::string& path) {
  std::vector<RankState> states;
  const int fd = open_states(path, O_RDONLY);
  if (fd < 0) return states;
  struct stat file = {};
  if (fstat(fd, &file) == 0) states.resize(file.st_size);
  const ssize_t size = read(fd, states.data(), states.size());
  states.resize(size < 0 ? 0 : size);
  ::close(fd);
  return states;
}

void note_store(const std::string& path, int local_rank) {
  const int fd = open_states(path, O_WRONLY);
  if (fd < 0) return;
  write_state(fd, local_rank, RankState::kHasStore);
  ::close(fd);
}

}  // namespace accelerate::launcher
