// Part of the flight record; not for others. How it lies in the memory that a launcher, the ranks
// of its machine and whoever looks on share.
//
// A header, then a block for each rank: numbers about the rank, then a ring of its last
// collectives. All that changes is made of atomic words, so that a reader in another process sees
// old or new words and never half a one. What is longer than a word has a sequence number before
// it: odd while somebody writes, and another one after each writing.
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
// A power of two: the place of a collective is found by masking its ticket.
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
  // Acquires, so that a look at the sequence number that follows is not taken before.
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

// A place of the ring. Ticket t, which counts from 0, is at t % kKeptCollectives; its sequence is
// 2 t + 1 while it is written and 2 t + 2 from then on.
struct Slot {
  Word sequence;
  Word waits_since;  // CLOCK_MONOTONIC in nanoseconds; 0 where nobody has come to wait for it,
  Word ended;        // and where it has not ended.
  Words<CollectiveFacts> facts;
};
static_assert(sizeof(Slot) == 3 * 64);

struct Operation {
  std::uint64_t since = 0;  // 0 where there is none.
  std::array<char, kNameSize> name = {};
};

struct alignas(64) RankBlock {
  std::atomic<std::uint32_t> started;  // The process that the launcher has started for the rank,
  std::atomic<std::uint32_t> process;  // and the one that notes here; 0 before.
  Word next_ticket;
  Word last_of_run;  // The number of the last collective of communicator 0.
  // One more than the number, so that 0 says that nobody has told it.
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
