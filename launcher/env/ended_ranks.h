// Which processes of this machine have ended well, where each of them can look. Who waits for one
// to come to the run, and finds it here, need not wait for the time-out: it will never come. (A
// process that fails ends the run, and one that has come is missed by its peers.)
//
//   absl::StatusOr<EndedRanks> ended = EndedRanks::create(/*num_processes=*/2);
//   ...             // The launcher forks workers, and tells them ended->path().
//   ended->add(1);  // Local rank 1 has exited with 0.
//   for (const int local_rank : read_ended_ranks(path)) ...  // In a worker.
//
// Not for other machines: a launcher knows its own processes only.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace accelerate::launcher {

// Not thread-safe.
class EndedRanks {
 public:
  // Memory of a byte for each local rank, for as long as this is there. The error is the system's.
  static absl::StatusOr<EndedRanks> create(int num_processes);

  EndedRanks(EndedRanks&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  EndedRanks& operator=(EndedRanks&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~EndedRanks() { close(); }

  // Where other processes of this user find it.
  std::string path() const;
  void add(int local_rank);
  // In a worker, which has inherited the memory by being forked.
  void close();

 private:
  explicit EndedRanks(int fd) : fd_(fd) {}

  int fd_;
};

// The local ranks that have ended, by the path of EndedRanks. None where something else is at the
// path, or nothing, as when the launcher has gone. Thread-safe.
std::vector<int> read_ended_ranks(const std::string& path);

}  // namespace accelerate::launcher
