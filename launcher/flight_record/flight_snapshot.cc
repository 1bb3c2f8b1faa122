#include "launcher/flight_record/flight_snapshot.h"

#include <time.h>

#include <algorithm>
#include <limits>

#include "launcher/env/size_limits.h"
#include "launcher/flight_record/layout.h"
#include "launcher/text/printable.h"

namespace accelerate::launcher {
namespace {

using namespace flight;

// How often a value that others are just writing is looked at again.
constexpr int kMostLooks = 100;

std::optional<std::int64_t> number_in(const Word& word) {
  const std::uint64_t value = word.load(std::memory_order_relaxed);
  if (value == 0 || value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return std::nullopt;
  return static_cast<std::int64_t>(value - 1);
}

std::optional<NotedCollective> read_slot(const Slot& slot, std::uint64_t ticket) {
  const std::uint64_t expected = 2 * ticket + 2;
  if (slot.sequence.load(std::memory_order_acquire) != expected) return std::nullopt;
  NotedCollective noted = {.ticket = ticket,
                           .facts = slot.facts.load(),
                           .waits_since = slot.waits_since.load(std::memory_order_acquire),
                           .ended = slot.ended.load(std::memory_order_acquire)};
  if (slot.sequence.load(std::memory_order_relaxed) != expected) return std::nullopt;
  return noted;
}

std::optional<LongOperationNote> read_operation(const RankBlock& block) {
  for (int look = 0; look < kMostLooks; ++look) {
    const std::uint64_t before = block.operation_sequence.load(std::memory_order_acquire);
    const Operation operation = block.operation.load();
    if (before % 2 != 0 || block.operation_sequence.load(std::memory_order_relaxed) != before)
      continue;
    if (operation.since == 0) return std::nullopt;
    const std::string name(text_of(operation.name.data(), operation.name.size()));
    return LongOperationNote{.name = plain(name), .since = operation.since};
  }
  return std::nullopt;
}

pid_t process_number(const std::atomic<std::uint32_t>& word) {
  const std::uint32_t value = word.load(std::memory_order_relaxed);
  // A negative one would be a group's.
  return value > static_cast<std::uint32_t>(std::numeric_limits<pid_t>::max())
             ? 0
             : static_cast<pid_t>(value);
}

RankRecord read_block(const RankBlock& block, int rank) {
  RankRecord record = {.rank = rank,
                       .started = process_number(block.started),
                       .process = process_number(block.process),
                       .count = block.next_ticket.load(std::memory_order_acquire),
                       .last_of_run = block.last_of_run.load(std::memory_order_relaxed),
                       .step = number_in(block.step),
                       .epoch = number_in(block.epoch),
                       .consumed = number_in(block.consumed),
                       .operation = read_operation(block)};
  const std::uint64_t kept = std::min(record.count, kKeptCollectives);
  record.collectives.reserve(kept);
  for (std::uint64_t back = 1; back <= kept; ++back) {
    const std::uint64_t ticket = record.count - back;
    const auto noted = read_slot(block.slots[ticket % kKeptCollectives], ticket);
    if (noted.has_value()) record.collectives.push_back(*noted);
  }
  return record;
}

}  // namespace

std::uint64_t NotedCollective::last_time() const {
  return std::max({facts.begun, waits_since, ended});
}

const NotedCollective* RankRecord::longest_wait() const {
  const NotedCollective* longest = nullptr;
  for (const NotedCollective& each : collectives) {
    if (!each.is_waited_for()) continue;
    if (longest == nullptr || each.waits_since < longest->waits_since) longest = &each;
  }
  return longest;
}

std::uint64_t flight_time() {
  timespec time = {};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec);
}

std::optional<FlightSnapshot> read_flight_record(const void* memory, std::size_t size) {
  if (size < sizeof(Header)) return std::nullopt;
  Header header;
  std::memcpy(static_cast<void*>(&header), memory, sizeof(header));
  const bool is_known = header.magic == kMagic && header.version == kVersion &&
                        header.num_ranks <= static_cast<std::uint32_t>(kMostProcesses) &&
                        header.first_rank <= static_cast<std::uint32_t>(kMostProcesses) &&
                        header.world_size <= static_cast<std::uint32_t>(kMostProcesses) &&
                        size == memory_size(header.num_ranks);
  if (!is_known) return std::nullopt;
  FlightSnapshot snapshot = {.world_size = static_cast<int>(header.world_size)};
  for (std::uint32_t i = 0; i < header.num_ranks; ++i) {
    snapshot.ranks.push_back(
        read_block(*block_in(memory, i), static_cast<int>(header.first_rank + i)));
  }
  // Behind all times that were read.
  snapshot.now = flight_time();
  return snapshot;
}

}  // namespace accelerate::launcher
