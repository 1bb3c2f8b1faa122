// What a flight record (flight_memory.h) said at one moment, checked and copied: the ranks go on.
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
  std::uint64_t ticket = 0;  // Which of all that the rank has begun.
  CollectiveFacts facts = {};
  std::uint64_t waits_since = 0;  // 0 where it has not come to wait for it,
  std::uint64_t ended = 0;        // and where it has not ended.

  bool is_waited_for() const { return waits_since != 0 && ended == 0; }
  // When the rank last had to do with it.
  std::uint64_t last_time() const;
};

struct LongOperationNote {
  std::string name;
  std::uint64_t since = 0;
};

struct RankRecord {
  int rank = 0;             // Among all of the run.
  pid_t started = 0;        // What the launcher has started for it, if there is one,
  pid_t process = 0;        // and the process that notes; 0 where none does yet.
  std::uint64_t count = 0;  // Collectives that it has begun at all.
  // The number of the last one of all ranks of the run, 0 for none. It is known even where those of
  // parts of the ranks have taken the room of its note.
  std::uint64_t last_of_run = 0;
  std::optional<std::int64_t> step = std::nullopt;
  std::optional<std::int64_t> epoch = std::nullopt;
  // Of the epoch's data, by all ranks.
  std::optional<std::int64_t> consumed = std::nullopt;
  std::optional<LongOperationNote> operation = std::nullopt;
  // The last ones, the newest first, without those that were just being written.
  std::vector<NotedCollective> collectives = {};

  // Of those that it waits for; null where there is none.
  const NotedCollective* longest_wait() const;
  const NotedCollective* last() const {
    return collectives.empty() ? nullptr : &collectives.front();
  }
  // The process to look at: the one that notes, or the one that is to.
  pid_t pid() const { return process != 0 ? process : started; }
};

struct FlightSnapshot {
  std::uint64_t now = 0;
  int world_size = 1;
  std::vector<RankRecord> ranks = {};  // Those of this machine.
};

// The time that records have.
std::uint64_t flight_time();

// Reads memory of that many bytes, which is aligned as a page or a cache line, and which others may
// write meanwhile. Nothing where it is no flight record. Contents of any kind do no harm.
std::optional<FlightSnapshot> read_flight_record(const void* memory, std::size_t size);

}  // namespace accelerate::launcher
