// The memory of a flight record: what each rank of a machine did last. It outlives the ranks, and
// other processes can read it at any time.
//
// Example:
//   absl::StatusOr<FlightMemory> memory =
//       FlightMemory::create({.num_ranks = 2, .first_rank = 0, .world_size = 2});
//   // The launcher forks the workers, and tells them memory->path(). Each of them notes there
//   // what it does (flight_recorder.h).
//   memory->note_start(/*local_rank=*/0, pid);
//   FlightSnapshot snapshot = memory->read();
//
// A reader finds the memory by the pid of a process that has it:
//
//   absl::StatusOr<FlightMemory> found = FlightMemory::of_process(pid);
//
// Not for other machines, and not for later: it disappears with the last process that has it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "launcher/flight_record/flight_snapshot.h"
#include "launcher/posix/file_descriptor.h"

namespace accelerate::launcher {

struct FlightMemoryOptions {
  int num_ranks = 1;   // On this machine.
  int first_rank = 0;  // The rank of the first of them in the run.
  int world_size = 1;  // The number of ranks in the run.
};

// Not thread-safe, except for read().
class FlightMemory {
 public:
  // Allocates the memory. The error is the system's.
  static absl::StatusOr<FlightMemory> create(const FlightMemoryOptions& options);
  // Opens the memory at the path that a launcher gave. NotFound if something else is there, or
  // nothing because the launcher has ended.
  static absl::StatusOr<FlightMemory> open(const std::string& path);
  // The memory of a launcher or a rank. NotFound if there is no such process or it has no flight
  // record; PermissionDenied if it belongs to another user.
  static absl::StatusOr<FlightMemory> of_process(pid_t pid);

  FlightMemory(FlightMemory&& other) noexcept
      : fd_(std::move(other.fd_)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  FlightMemory& operator=(FlightMemory&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~FlightMemory() { close(); }

  // The path by which other processes of this user open it.
  std::string path() const;
  // The contents at this moment.
  FlightSnapshot read() const;
  // Notes which process the launcher started for the rank.
  void note_start(int local_rank, pid_t pid);
  // Whether that process has the memory open: a pid noted in it may by now belong to another
  // process.
  bool is_held_by(pid_t pid) const;

  // The contents; see layout.h.
  void* data() const { return data_; }
  std::size_t num_ranks() const;

  // For a forked worker, which has inherited the memory.
  void close();

 private:
  static absl::StatusOr<FlightMemory> map(FileDescriptor fd);

  FlightMemory(FileDescriptor fd, void* data, std::size_t size)
      : fd_(std::move(fd)), data_(data), size_(size) {}

  FileDescriptor fd_;
  void* data_;
  std::size_t size_;
};

}  // namespace accelerate::launcher
