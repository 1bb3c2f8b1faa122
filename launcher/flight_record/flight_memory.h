// The memory of a flight record: what each rank of a machine did last, kept where it outlives the
// rank and where others can look at any time.
//
// Example:
//   absl::StatusOr<FlightMemory> memory =
//       FlightMemory::create({.num_ranks = 2, .first_rank = 0, .world_size = 2});
//   // The launcher forks the workers, and tells them memory->path(). Each of them notes there
//   // what it does (flight_recorder.h).
//   memory->note_start(/*local_rank=*/0, pid);
//   FlightSnapshot snapshot = memory->read();
//
// Somebody who knows the number of a process finds the memory by it:
//
//   absl::StatusOr<FlightMemory> found = FlightMemory::of_process(pid);
//
// Not for other machines, and not for what is to be read later: it goes with the last process that
// has it.
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
  int num_ranks = 1;   // Of this machine.
  int first_rank = 0;  // The rank of the first of them among all of the run,
  int world_size = 1;  // which has so many.
};

// Not thread-safe, but for reading.
class FlightMemory {
 public:
  // The error is the system's.
  static absl::StatusOr<FlightMemory> create(const FlightMemoryOptions& options);
  // By the path that a launcher has told. NotFound where something else is there, or nothing, as
  // when the launcher has gone.
  static absl::StatusOr<FlightMemory> open(const std::string& path);
  // That of a launcher, or of a rank. NotFound where there is no such process, or where it has no
  // such memory; PermissionDenied where it is another user's.
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

  // Where other processes of this user find it.
  std::string path() const;
  // As it is at this moment.
  FlightSnapshot read() const;
  // Tells who is to be the rank.
  void note_start(int local_rank, pid_t pid);
  // Whether that process has it: a number in the memory may be a later process's.
  bool is_held_by(pid_t pid) const;

  // What lies there: layout.h.
  void* data() const { return data_; }
  std::size_t num_ranks() const;

  // In a worker, which has inherited it by being forked.
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
