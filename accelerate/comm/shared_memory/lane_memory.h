// The layout of a Lane's memory. Zeros are its initial state, so no process has to initialise it.
//
// A LaneHead, the RankState of each rank, kSlots slots of each rank, and kSlots slots for results
// follow one after the other. Part of lane.h; not for others.
//
// Everything except slots and text is a number that only grows and that only its owner writes. So a
// rank that is killed at any instruction leaves nothing locked or half done.
#pragma once

#include <atomic>
#include <cstdint>

#include "accelerate/comm/shared_memory/collective.h"
#include "accelerate/comm/shared_memory/doorbell.h"

namespace accelerate::internal {

// A page of a slot takes no memory until it is used.
constexpr uint64_t kSlots = 8;
constexpr int64_t kSlotBytes = int64_t{512} << 10;
constexpr int64_t kCacheLine = 64;

struct LaneHead {
  alignas(kCacheLine) Doorbell doorbell;
};

struct SlotHead {
  // One more than the number of the chunk that is in the slot. The signature of its collective is
  // in the same cache line.
  alignas(kCacheLine) std::atomic<uint64_t> published;
  CollectiveSignature signature;
};
static_assert(sizeof(SlotHead) == kCacheLine);

struct RankState {
  // For how many chunks this rank has combined its share.
  alignas(kCacheLine) std::atomic<uint64_t> combined;
  // How many chunks of the others this rank has finished reading.
  alignas(kCacheLine) std::atomic<uint64_t> finished;
  alignas(kCacheLine) std::atomic<uint32_t> failed;
  // Why this rank failed, zero-terminated; does not change once `failed` is set.
  char failure[508];
  SlotHead slots[kSlots];
};

static_assert(std::atomic<uint64_t>::is_always_lock_free);

}  // namespace accelerate::internal
