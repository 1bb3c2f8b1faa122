// Notes what this process does, where it outlives the process and others can look
// (flight_memory.h): each collective from its beginning to its end, the place in the program that
// wants it, how far the training is.
//
// Example:
//   FlightRecorder& recorder = FlightRecorder::of_process();
//   recorder.attach({.path = path, .local_rank = 0, .rank = 2, .world_size = 4});
//   const FlightTicket ticket = recorder.begin(facts);
//   recorder.wait(ticket);  // Before this thread waits for the others.
//   recorder.end(ticket);
//   recorder.set_step(12);
//
// Who calls for the program says where the program is, for as long as it lasts:
//
//   const PlaceScope place("gather", std::source_location::current());
//
// Something that may well take minutes, while other ranks wait:
//
//   const LongOperation saving("saving a checkpoint");
//
// A note takes no lock, allocates nothing and calls no system. Not a log: only the last 1,024
// collectives are kept. Not for what is no collective of the training.
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
  std::string path = "";  // The launcher's memory, as it told; empty where it has none.
  int local_rank = 0;     // The place in it.
  int rank = 0;           // Among all processes of the run,
  int world_size = 1;     // of which there are so many.
};

// One that the recorder knows again.
using FlightTicket = std::optional<std::uint64_t>;

// Thread-safe, but for attach().
class FlightRecorder {
 public:
  static FlightRecorder& of_process();

  // Until then, nothing is noted. In the launcher's memory; where there is none, in one of this
  // process's own, which is found by the process's number. Where neither can be had nothing is
  // noted, as no training should fail for it. The first call holds.
  void attach(const FlightRecordPlace& place);

  FlightTicket begin(const CollectiveFacts& facts);
  void wait(FlightTicket ticket);
  void end(FlightTicket ticket);

  // Steps of the optimizer so far.
  void set_step(std::int64_t step);
  // The epoch, and how many of its samples all ranks have been given, or of its batches where a
  // batch sampler makes them.
  void set_position(std::int64_t epoch, std::int64_t consumed);

 private:
  friend class LongOperation;
  FlightRecorder() = default;

  std::optional<FlightMemory> memory_;
  std::atomic<flight::RankBlock*> block_ = nullptr;  // Null where nothing is noted.
  std::atomic<int> operations_ = 0;                  // Long ones, one within the other.
};

// For its time, what this thread does is done for that place. Within another scope it changes
// nothing: the place is that of the program, not of a function of the library that calls another.
class PlaceScope {
 public:
  // `what` is the method that the program has called; short, and it stays.
  PlaceScope(const char* what, const std::source_location& where);
  PlaceScope(const PlaceScope&) = delete;
  PlaceScope& operator=(const PlaceScope&) = delete;
  ~PlaceScope();

 private:
  bool is_outer_;
};

// For its time this process is busy with something that others may have to wait for. Of one within
// another the outer one is noted. One at a time, whatever the threads.
class LongOperation {
 public:
  // What the process is doing: "saving a checkpoint". At most 47 bytes are kept.
  explicit LongOperation(const char* what);
  LongOperation(const LongOperation&) = delete;
  LongOperation& operator=(const LongOperation&) = delete;
  ~LongOperation();
};

}  // namespace accelerate::launcher
