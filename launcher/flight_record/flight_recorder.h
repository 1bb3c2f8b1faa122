// Notes what this process does in memory that outlives it and that others can read
// (flight_memory.h): each collective from its beginning to its end, the place in the program that
// calls it, and the progress of the training.
//
// Example:
//   FlightRecorder& recorder = FlightRecorder::of_process();
//   recorder.attach({.path = path, .local_rank = 0, .rank = 2, .world_size = 4});
//   const FlightTicket ticket = recorder.begin(facts);
//   recorder.wait(ticket);  // Before this thread waits for the others.
//   recorder.end(ticket);
//   recorder.set_step(12);
//
// A method of the library notes which place in the program called it:
//
//   const PlaceScope place("gather", std::source_location::current());
//
// For an operation that may take minutes while other ranks wait:
//
//   const LongOperation saving("saving a checkpoint");
//
// Taking a note needs no lock, no allocation and no system call. Not a log: only the last 1,024
// collectives are kept. Only for the collectives of the training.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <source_location>
#include <string>

#include "launcher/flight_record/collective_facts.h"
#include "launcher/flight_record/flight_memory.h"

namespace accelerate::launcher {

namespace flight {
struct RankBlock;
}

struct FlightRecordPlace {
  std::string path = "";  // Of the launcher's memory; empty if it has none.
  int local_rank = 0;     // The index in that memory.
  int rank = 0;           // Among all processes of the run.
  int world_size = 1;     // The number of those processes.
};

// Identifies a collective to the recorder; no value if it was not noted.
using FlightTicket = std::optional<std::uint64_t>;

// Thread-safe, except for attach().
class FlightRecorder {
 public:
  static FlightRecorder& of_process();

  // Starts noting; until then, nothing is noted. Notes go to the launcher's memory or, if there is
  // none, to this process's own, which others find by its pid. If neither is available, nothing is
  // noted, because no training should fail for it. Once a call has succeeded, further ones do
  // nothing.
  void attach(const FlightRecordPlace& place);

  FlightTicket begin(const CollectiveFacts& facts);
  void wait(FlightTicket ticket);
  void end(FlightTicket ticket);

  // The number of optimizer steps so far.
  void set_step(std::int64_t step);
  // The epoch, and how many of its samples all ranks together have received (batches if a batch
  // sampler makes them).
  void set_position(std::int64_t epoch, std::int64_t consumed);

 private:
  friend class LongOperation;
  FlightRecorder() = default;

  std::optional<FlightMemory> memory_;
  std::atomic<flight::RankBlock*> block_ = nullptr;  // Null if nothing is noted.
  std::atomic<int> operations_ = 0;                  // The current LongOperations.
};

// While the scope exists, the thread's collectives are noted with that place. A scope within
// another one changes nothing: the place is where the program called the library, not where one
// function of the library called another.
class PlaceScope {
 public:
  // `what` is the method that the program called; at most 23 bytes are kept.
  PlaceScope(const char* what, const std::source_location& where);
  PlaceScope(const PlaceScope&) = delete;
  PlaceScope& operator=(const PlaceScope&) = delete;
  ~PlaceScope();

 private:
  bool is_outer_;
};

// While it exists, this process is busy with something that others may have to wait for. If several
// exist, in whatever threads, only the first is noted.
class LongOperation {
 public:
  // What the process is doing: "saving a checkpoint". At most 47 bytes are kept.
  explicit LongOperation(const char* what);
  LongOperation(const LongOperation&) = delete;
  LongOperation& operator=(const LongOperation&) = delete;
  ~LongOperation();
};

}  // namespace accelerate::launcher
