// The state of each process of this machine, visible to the others. A process that waits for
// another one to join the run sees here that it has ended well and will never join, so it need not
// wait for the time-out. (A process that fails ends the run, and peers notice the loss of one that
// has joined.)
//
// Example:
//   absl::StatusOr<RankStates> states = RankStates::create(/*num_processes=*/2);
//   // The launcher forks the workers, and tells them states->path().
//   states->note_end(1);  // Local rank 1 has exited with 0.
//   // In rank 0: others can connect to its store from now on.
//   note_store(path, 0);
//   // In any worker:
//   if (read_rank_states(path)[1] == RankState::kEnded) do_without_rank_1();
//
// Not for other machines: a launcher knows its own processes only.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace accelerate::launcher {

enum class RankState : char { kRuns, kHasStore, kEnded };

// Not thread-safe.
class RankStates {
 public:
  // Allocates the memory of all local ranks, for the lifetime of this object. The error is the
  // system's.
  static absl::StatusOr<RankStates> create(int num_processes);

  RankStates(RankStates&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  RankStates& operator=(RankStates&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~RankStates() { close(); }

  // Where other processes of this user find it.
  std::string path() const;
  // The process has exited with 0.
  void note_end(int local_rank);
  // In a worker, which has inherited the memory by being forked.
  void close();

 private:
  explicit RankStates(int fd) : fd_(fd) {}

  int fd_;
};

// The states of the local ranks, by the path of RankStates. Empty if there is something else at the
// path, or nothing because the launcher has ended. Thread-safe.
std::vector<RankState> read_rank_states(const std::string& path);

// Tells the others that this process, with that local rank, has opened the run's store. Does
// nothing if there is something else at the path. Thread-safe.
void note_store(const std::string& path, int local_rank);

}  // namespace accelerate::launcher
