// What a flight record (flight_memory.h) said at one moment, checked and copied, while the ranks go
// on.
//
// Example:
//   const FlightSnapshot snapshot = memory->read();
//   for (const RankRecord& rank : snapshot.ranks) {
//     if (const NotedCollective* waits = rank.longest_wait()) std::cout << waits->facts.name();
//   }
//
// Not for deciding who is to blame: findings.h compares the ranks.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "launcher/flight_record/collective_facts.h"

namespace accelerate::launcher {

// Times are those of CLOCK_MONOTONIC, in nanoseconds.
struct NotedCollective {
  std::uint64_t ticket = 0;  // Its index among all that the rank has begun.
  CollectiveFacts facts = {};
  std::uint64_t waits_since = 0;  // 0 if the rank does not wait for it yet.
  std::uint64_t ended = 0;        // 0 if it has not ended.

  bool is_waited_for() const { return waits_since != 0 && ended == 0; }
  // When the rank last began it, waited for it or ended it.
  std::uint64_t last_time() const;
};

struct LongOperationNote {
  std::string name;
  std::uint64_t since = 0;
};

struct RankRecord {
  int rank = 0;             // Among all ranks of the run.
  pid_t started = 0;        // The process that the launcher started, if there is one.
  pid_t process = 0;        // The process that notes; 0 if none does yet.
  std::uint64_t count = 0;  // Collectives that it has begun so far.
  // The number of the last collective of all ranks of the run, 0 for none. It is known even if
  // collectives of smaller communicators have overwritten its note.
  std::uint64_t last_of_run = 0;
  std::optional<std::int64_t> step = std::nullopt;
  std::optional<std::int64_t> epoch = std::nullopt;
  // The part of the epoch's data that all ranks have received; see FlightRecorder::set_position().
  std::optional<std::int64_t> consumed = std::nullopt;
  std::optional<LongOperationNote> operation = std::nullopt;
  // The last collectives, newest first, without those that were being written.
  std::vector<NotedCollective> collectives = {};

  // Of the collectives that it waits for; null if it waits for none.
  const NotedCollective* longest_wait() const;
  const NotedCollective* last() const {
    return collectives.empty() ? nullptr : &collectives.front();
  }
  // The process to look at: the one that notes, or else the one that was started.
  pid_t pid() const { return process != 0 ? process : started; }
};

struct FlightSnapshot {
  std::uint64_t now = 0;
  int world_size = 1;
  std::vector<RankRecord> ranks = {};  // The ranks of this machine.
};

// The current time on the clock of flight records.
std::uint64_t flight_time();

// Reads `size` bytes of memory, aligned to a page or a cache line, which others may write
// meanwhile. No value if they are not a flight record. Safe for any contents.
std::optional<FlightSnapshot> read_flight_record(const void* memory, std::size_t size);

}  // namespace accelerate::launcher
