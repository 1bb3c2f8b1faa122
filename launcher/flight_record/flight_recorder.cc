#include "launcher/flight_record/flight_recorder.h"

#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "launcher/flight_record/layout.h"

namespace accelerate::launcher {
namespace {

using namespace flight;

// As CollectiveFacts has it.
struct Place {
  decltype(CollectiveFacts::file) file = {};
  decltype(CollectiveFacts::what) what = {};
  std::uint32_t line = 0;
  bool is_set = false;
};

constinit thread_local Place place_of_thread = {};

template <std::size_t size>
void copy_text(const char* text, std::size_t length, std::array<char, size>& target) {
  const std::size_t kept = std::min(length, size - 1);
  std::memcpy(target.data(), text, kept);
  std::memset(target.data() + kept, 0, size - kept);
}

// A tenth of the exact time's cost, and exact to some milliseconds.
std::uint64_t coarse_time() {
  timespec time = {};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec);
}

Slot& slot_of(RankBlock& block, std::uint64_t ticket) {
  return block.slots[ticket % kKeptCollectives];
}

void store_time(RankBlock* block, FlightTicket ticket, Word Slot::*time) {
  if (block == nullptr || !ticket.has_value()) return;
  Slot& slot = slot_of(*block, *ticket);
  // Otherwise it has made room for a later one meanwhile.
  if (slot.sequence.load(std::memory_order_relaxed) != 2 * *ticket + 2) return;
  (slot.*time).store(coarse_time(), std::memory_order_relaxed);
}

void store_operation(RankBlock& block, const Operation& operation) {
  block.operation_sequence.fetch_add(1, std::memory_order_acquire);
  block.operation.store(operation);
  block.operation_sequence.fetch_add(1, std::memory_order_release);
}

void store_number(RankBlock* block, Word RankBlock::*word, std::int64_t value) {
  if (block == nullptr) return;
  (block->*word).store(static_cast<std::uint64_t>(value) + 1, std::memory_order_relaxed);
}

}  // namespace

// Never destroyed: threads may note something until the process has ended.
FlightRecorder& FlightRecorder::of_process() {
  static FlightRecorder& recorder = *new FlightRecorder();
  return recorder;
}

void FlightRecorder::attach(const FlightRecordPlace& place) {
  if (block_.load() != nullptr) return;
  absl::StatusOr<FlightMemory> memory = absl::NotFoundError("");
  std::size_t index = 0;
  if (!place.path.empty()) {
    memory = FlightMemory::open(place.path);
    index = static_cast<std::size_t>(place.local_rank);
    if (memory.ok() && index >= memory->num_ranks()) memory = absl::NotFoundError("");
  }
  if (!memory.ok()) {
    memory = FlightMemory::create({.first_rank = place.rank, .world_size = place.world_size});
    index = 0;
  }
  if (!memory.ok()) return;
  memory_ = *std::move(memory);
  RankBlock* const block = block_in(memory_->data(), index);
  block->process.store(static_cast<std::uint32_t>(getpid()), std::memory_order_relaxed);
  block_.store(block);
  // Where the system lets only ancestors look into a process (Yama): the launcher's debugger is
  // none. The path has its number: "/proc/4711/fd/9".
  const std::vector<std::string> parts = absl::StrSplit(place.path, '/');
  int launcher = 0;
  if (parts.size() > 2 && absl::SimpleAtoi(parts[2], &launcher))
    prctl(PR_SET_PTRACER, static_cast<unsigned long>(launcher), 0, 0, 0);
}

FlightTicket FlightRecorder::begin(const CollectiveFacts& facts) {
  RankBlock* const block = block_.load(std::memory_order_relaxed);
  if (block == nullptr) return std::nullopt;
  const std::uint64_t ticket = block->next_ticket.fetch_add(1, std::memory_order_relaxed);
  Slot& slot = slot_of(*block, ticket);
  // An exchange, so that nothing of what follows is seen before it.
  slot.sequence.exchange(2 * ticket + 1, std::memory_order_acquire);
  CollectiveFacts noted = facts;
  noted.begun = coarse_time();
  const Place& place = place_of_thread;
  noted.file = place.file;
  noted.what = place.what;
  noted.line = place.line;
  slot.facts.store(noted);
  slot.waits_since.store(0, std::memory_order_relaxed);
  slot.ended.store(0, std::memory_order_relaxed);
  slot.sequence.store(2 * ticket + 2, std::memory_order_release);
  if (facts.communicator == 0) block->last_of_run.store(facts.number, std::memory_order_relaxed);
  return ticket;
}

void FlightRecorder::wait(FlightTicket ticket) {
  store_time(block_.load(std::memory_order_relaxed), ticket, &Slot::waits_since);
}

void FlightRecorder::end(FlightTicket ticket) {
  store_time(block_.load(std::memory_order_relaxed), ticket, &Slot::ended);
}

void FlightRecorder::set_step(std::int64_t step) {
  store_number(block_.load(std::memory_order_relaxed), &RankBlock::step, step);
}

void FlightRecorder::set_position(std::int64_t epoch, std::int64_t consumed) {
  RankBlock* const block = block_.load(std::memory_order_relaxed);
  store_number(block, &RankBlock::epoch, epoch);
  store_number(block, &RankBlock::consumed, consumed);
}

PlaceScope::PlaceScope(const char* what, const std::source_location& where)
    : is_outer_(!place_of_thread.is_set) {
  if (!is_outer_) return;
  Place& place = place_of_thread;
  const std::size_t length = std::strlen(where.file_name());
  const std::size_t kept = std::min(length, place.file.size() - 1);
  copy_text(where.file_name() + length - kept, kept, place.file);
  copy_text(what, std::strlen(what), place.what);
  place.line = where.line();
  place.is_set = true;
}

PlaceScope::~PlaceScope() {
  if (is_outer_) place_of_thread = {};
}

LongOperation::LongOperation(const char* what) {
  FlightRecorder& recorder = FlightRecorder::of_process();
  RankBlock* const block = recorder.block_.load(std::memory_order_relaxed);
  if (recorder.operations_.fetch_add(1) > 0 || block == nullptr) return;
  Operation operation = {.since = coarse_time()};
  copy_text(what, std::strlen(what), operation.name);
  store_operation(*block, operation);
}

LongOperation::~LongOperation() {
  FlightRecorder& recorder = FlightRecorder::of_process();
  RankBlock* const block = recorder.block_.load(std::memory_order_relaxed);
  if (recorder.operations_.fetch_sub(1) == 1 && block != nullptr) store_operation(*block, {});
}

}  // namespace accelerate::launcher
