// What lies in the memory of a Lane. Zeros are its beginning, so that nobody has to be first.
//
// A LaneHead, the RankState of each rank, kSlots slots of each rank, and kSlots slots for results
// lie one behind the other. Part of lane.h; not for others.
//
// Everything but slots and text is a number that only grows, and that only its owner writes: a rank
// may be killed at any instruction and leaves nothing locked or half done.
#pragma once

#include <atomic>
#include <cstdint>

#include "accelerate/comm/shared_memory/collective.h"
#include "accelerate/comm/shared_memory/doorbell.h"

namespace accelerate::internal {

// A page of a slot takes no memory before it is used.
constexpr uint64_t kSlots = 8;
constexpr int64_t kSlotBytes = int64_t{512} << 10;
constexpr int64_t kCacheLine = 64;

struct LaneHead {
  alignas(kCacheLine) Doorbell doorbell;
};

struct SlotHead {
  // One more than the number of the chunk that is in the slot; what it belongs to comes with it in
  // one cache line.
  alignas(kCacheLine) std::atomic<uint64_t> published;
  CollectiveSignature signature;
};
static_assert(sizeof(SlotHead) == kCacheLine);

struct RankState {
  // How many chunks this rank has done its share of.
  alignas(kCacheLine) std::atomic<uint64_t> combined;
  // How many chunks of the others it will not read any more.
  alignas(kCacheLine) std::atomic<uint64_t> finished;
  alignas(kCacheLine) std::atomic<uint32_t> failed;
  // Why, with a zero at the end; does not change once `failed` is set.
  char failure[508];
  SlotHead slots[kSlots];
};

static_assert(std::atomic<uint64_t>::is_always_lock_free);

}  // namespace accelerate::internal
