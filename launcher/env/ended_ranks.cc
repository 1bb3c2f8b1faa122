#include "launcher/env/ended_ranks.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace accelerate::launcher {
namespace {

// By which the memory is known, too: hardly another file has just these.
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
constexpr char kEnded = 1;

}  // namespace

absl::StatusOr<EndedRanks> EndedRanks::create(int num_processes) {
  EndedRanks ranks(memfd_create("ended ranks", MFD_ALLOW_SEALING | MFD_CLOEXEC));
  if (ranks.fd_ < 0 || ftruncate(ranks.fd_, num_processes) != 0 ||
      fcntl(ranks.fd_, F_ADD_SEALS, kSeals) != 0) {
    return absl::InternalError(
        absl::StrCat("memory for the ends of processes cannot be had: ", std::strerror(errno),
                     "; check the limits (ulimit -a)."));
  }
  return ranks;
}

std::string EndedRanks::path() const { return absl::StrCat("/proc/", getpid(), "/fd/", fd_); }

void EndedRanks::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void EndedRanks::add(int local_rank) {
  [[maybe_unused]] const ssize_t size = pwrite(fd_, &kEnded, 1, local_rank);
}

std::vector<int> read_ended_ranks(const std::string& path) {
  std::vector<int> ranks;
  // Whatever stands at the path, opening it does not wait.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return ranks;
  struct stat file = {};
  if (fcntl(fd, F_GET_SEALS) == kSeals && fstat(fd, &file) == 0) {
    std::vector<char> ended(file.st_size);
    const ssize_t size = read(fd, ended.data(), ended.size());
    for (int rank = 0; rank < size; ++rank) {
      if (ended[rank] == kEnded) ranks.push_back(rank);
    }
  }
  ::close(fd);
  return ranks;
}

}  // namespace accelerate::launcher
