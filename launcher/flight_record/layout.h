// Part of the flight record; not for others. Its layout in the memory that a launcher, the ranks of
// its machine and readers share.
//
// A header, then a block for each rank: numbers about the rank, then a ring of its last
// collectives. Everything that changes consists of atomic words, so that a reader in another
// process sees old or new words and never half of one. Values longer than a word have a sequence
// number before them: it is odd while somebody writes, and changes with each write.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "launcher/flight_record/collective_facts.h"

namespace accelerate::launcher::flight {

inline constexpr std::uint64_t kMagic = 0x6472636572746c66;
inline constexpr std::uint32_t kVersion = 1;
// A power of two: masking a ticket gives the place of its collective.
inline constexpr std::uint64_t kKeptCollectives = 1024;
inline constexpr std::size_t kNameSize = 48;

using Word = std::atomic<std::uint64_t>;
static_assert(Word::is_always_lock_free);

// A value that is written and read word by word.
template <class Value>
class Words {
  static_assert(std::is_trivially_copyable_v<Value> && sizeof(Value) % sizeof(Word) == 0);

 public:
  void store(const Value& value) {
    std::array<std::uint64_t, kCount> words;
    std::memcpy(words.data(), &value, sizeof(value));
    for (std::size_t i = 0; i < kCount; ++i) words_[i].store(words[i], std::memory_order_relaxed);
  }
  // Acquires, so that a later read of the sequence number cannot move before this one.
  Value load() const {
    std::array<std::uint64_t, kCount> words;
    for (std::size_t i = 0; i < kCount; ++i) words[i] = words_[i].load(std::memory_order_acquire);
    Value value;
    std::memcpy(static_cast<void*>(&value), words.data(), sizeof(value));
    return value;
  }

 private:
  static constexpr std::size_t kCount = sizeof(Value) / sizeof(Word);
  std::array<Word, kCount> words_;
};

// A place in the ring. Ticket t, counted from 0, is at t % kKeptCollectives. Its sequence is 2 t +
// 1 while somebody writes it, and 2 t + 2 afterwards.
struct Slot {
  Word sequence;
  Word waits_since;  // CLOCK_MONOTONIC in nanoseconds; 0 if nobody waits for it yet.
  Word ended;        // 0 if it has not ended.
  Words<CollectiveFacts> facts;
};
static_assert(sizeof(Slot) == 3 * 64);

struct Operation {
  std::uint64_t since = 0;  // 0 for no operation.
  std::array<char, kNameSize> name = {};
};

struct alignas(64) RankBlock {
  std::atomic<std::uint32_t> started;  // The process that the launcher started for the rank.
  std::atomic<std::uint32_t> process;  // The process that notes here; 0 before it does.
  Word next_ticket;
  Word last_of_run;  // The number of the last collective of communicator 0.
  // These are one more than the number, so that 0 means that it is unknown.
  Word step;
  Word epoch;
  Word consumed;
  Word operation_sequence;
  Words<Operation> operation;
  alignas(64) std::array<Slot, kKeptCollectives> slots;
};

struct alignas(64) Header {
  std::uint64_t magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t num_ranks = 0;
  std::uint32_t first_rank = 0;
  std::uint32_t world_size = 0;
};

constexpr std::size_t memory_size(std::size_t num_ranks) {
  return sizeof(Header) + num_ranks * sizeof(RankBlock);
}
inline RankBlock* block_in(void* memory, std::size_t index) {
  return reinterpret_cast<RankBlock*>(static_cast<char*>(memory) + memory_size(index));
}
inline const RankBlock* block_in(const void* memory, std::size_t index) {
  return reinterpret_cast<const RankBlock*>(static_cast<const char*>(memory) + memory_size(index));
}

}  // namespace accelerate::launcher::flight
