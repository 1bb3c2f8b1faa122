#include "accelerate/comm/shared_memory/lane.h"

#include <algorithm>
#include <cstring>

#include "accelerate/comm/collective_error.h"
#include "accelerate/comm/running_time.h"
#include "accelerate/comm/shared_memory/lane_memory.h"
#include "accelerate/comm/shared_memory/spin_wait.h"

namespace accelerate::internal {
namespace {

using Clock = std::chrono::steady_clock;

// How often somebody who sleeps looks whether its peers still live.
constexpr std::chrono::milliseconds kLookAfterPeers{50};

// Up to here, every rank reads everything: to meet once more costs longer than to read.
constexpr int64_t kReadAllBytes = int64_t{128} << 10;

int64_t slots_offset(int num_peers) {
  return static_cast<int64_t>(sizeof(LaneHead) + num_peers * sizeof(RankState));
}

// Where the share of a rank begins, so that no two write to one cache line.
int64_t share_begin(int64_t bytes, int rank, int size) {
  if (rank == size) return bytes;
  return bytes / size * rank / kCacheLine * kCacheLine;
}

}  // namespace

int64_t Lane::bytes(int num_peers) {
  return slots_offset(num_peers) + (num_peers + 1) * static_cast<int64_t>(kSlots) * kSlotBytes;
}

Lane::Lane(void* memory, LanePeers peers)
    : peers_(std::move(peers)),
      head_(static_cast<LaneHead*>(memory)),
      slots_(static_cast<char*>(memory) + slots_offset(peers_.size())),
      sources_(peers_.ranks.size()) {}

RankState& Lane::state(int peer) const { return reinterpret_cast<RankState*>(head_ + 1)[peer]; }

char* Lane::slot(int peer, uint64_t chunk) const {
  return slots_ + (peer * kSlots + chunk % kSlots) * kSlotBytes;
}

char* Lane::result_slot(uint64_t chunk) const { return slot(size(), chunk); }

// Of each input; a slot has room for a chunk of all of them.
int64_t Lane::chunk_bytes(const Collective& collective) const {
  const CollectiveKind kind = collective.signature.kind;
  if (kind != CollectiveKind::kReduceScatter && kind != CollectiveKind::kScatter) return kSlotBytes;
  return kSlotBytes / size() / kCacheLine * kCacheLine;
}

// Whether each rank combines its share of the chunk for all, in place of all of it for itself. For
// two ranks that is as much to read and to write, and they would meet twice.
bool Lane::is_shared_out(const Collective& collective, int64_t bytes) const {
  return collective.signature.kind == CollectiveKind::kAllReduce && size() > 2 &&
         bytes * size() > kReadAllBytes;
}

Collective* Lane::next_of(const Stage& stage) const {
  const uint64_t index = stage.collective - num_complete_;
  return index < under_way_.size() ? under_way_[index].get() : nullptr;
}

void Lane::advance(Stage& stage, const Collective& collective) {
  ++stage.done;
  stage.ready = 0;
  if (++stage.chunk < collective.num_chunks) return;
  stage.chunk = 0;
  ++stage.collective;
}

template <class IsReady>
bool Lane::all_ready(Stage& stage, IsReady&& is_ready) const {
  while (stage.ready < size() && is_ready(stage.ready)) ++stage.ready;
  return stage.ready == size();
}

// ---- The three stages of a chunk

// Puts this rank's part of the next chunk where the others see it.
bool Lane::publish() {
  const Collective* collective = next_of(publishing_);
  if (collective == nullptr) return false;
  const uint64_t chunk = publishing_.done;
  // The slot is free when nobody reads what it held.
  const auto has_left = [&](int peer) { return state(peer).finished.load() + kSlots > chunk; };
  if (!all_ready(publishing_, has_left)) return false;

  const int64_t most = chunk_bytes(*collective);
  const int64_t begin = static_cast<int64_t>(publishing_.chunk) * most;
  const int64_t bytes = std::min(most, collective->bytes - begin);
  if (bytes > 0) {
    for (size_t i = 0; i < collective->inputs.size(); ++i)
      std::memcpy(slot(rank(), chunk) + i * most, collective->inputs[i] + begin, bytes);
  }
  SlotHead& head = state(rank()).slots[chunk % kSlots];
  head.signature = collective->signature;
  head.published.store(chunk + 1);
  head_->doorbell.ring();
  advance(publishing_, *collective);
  return true;
}

// Does this rank's work on the next chunk, when all have published theirs.
bool Lane::combine() {
  const Collective* collective = next_of(combining_);
  if (collective == nullptr) return false;
  const uint64_t chunk = combining_.done;
  const bool ready = all_ready(combining_, [&](int peer) {
    const SlotHead& head = state(peer).slots[chunk % kSlots];
    if (head.published.load() <= chunk) return false;
    check_signature(peer, *collective, chunk);
    return true;
  });
  if (!ready) return false;
  combine_chunk(*collective, combining_.chunk);
  advance(combining_, *collective);
  return true;
}

void Lane::combine_chunk(const Collective& collective, uint64_t chunk_of_collective) {
  const uint64_t chunk = combining_.done;
  const int64_t most = chunk_bytes(collective);
  const int64_t begin = static_cast<int64_t>(chunk_of_collective) * most;
  const int64_t bytes = std::min(most, collective.bytes - begin);
  if (bytes <= 0) return;
  switch (collective.signature.kind) {
    case CollectiveKind::kAllReduce:
      if (is_shared_out(collective, bytes)) {
        const int64_t mine = share_begin(bytes, rank(), size());
        combine_pieces(collective, chunk, mine, share_begin(bytes, rank() + 1, size()) - mine,
                       result_slot(chunk) + mine);
        state(rank()).combined.store(chunk + 1);
        head_->doorbell.ring();
      } else if (!collective.outputs.empty()) {
        combine_pieces(collective, chunk, 0, bytes, collective.outputs[0] + begin);
      }
      return;
    case CollectiveKind::kReduceScatter:
      return combine_pieces(collective, chunk, rank() * most, bytes, collective.outputs[0] + begin);
    case CollectiveKind::kBroadcast:
      for (char* output : collective.outputs)
        std::memcpy(output + begin, slot(collective.signature.root, chunk), bytes);
      return;
    case CollectiveKind::kAllGather:
      for (size_t peer = 0; peer < collective.outputs.size(); ++peer)
        std::memcpy(collective.outputs[peer] + begin, slot(static_cast<int>(peer), chunk), bytes);
      return;
    case CollectiveKind::kScatter:
      std::memcpy(collective.outputs[0] + begin,
                  slot(collective.signature.root, chunk) + rank() * most, bytes);
      return;
    case CollectiveKind::kBarrier:
      return;
  }
}

void Lane::combine_pieces(const Collective& collective, uint64_t chunk, int64_t begin,
                          int64_t bytes, char* destination) {
  for (int peer = 0; peer < size(); ++peer) sources_[peer] = slot(peer, chunk) + begin;
  kernels::combine({.sources = sources_.data(),
                    .num_sources = size(),
                    .destination = destination,
                    .count = bytes / kernels::size_of(collective.number_type),
                    .operation = collective.signature.operation,
                    .divisor = collective.signature.divisor},
                   collective.number_type);
}

// Takes the shares of the others, and lets go of the chunk.
bool Lane::finish() {
  Collective* collective = next_of(finishing_);
  if (collective == nullptr || finishing_.done == combining_.done) return false;
  const uint64_t chunk = finishing_.done;
  const int64_t begin = static_cast<int64_t>(finishing_.chunk) * chunk_bytes(*collective);
  const int64_t bytes = std::min(chunk_bytes(*collective), collective->bytes - begin);
  if (is_shared_out(*collective, bytes) && !collective->outputs.empty()) {
    const auto did_share = [&](int peer) { return state(peer).combined.load() > chunk; };
    if (!all_ready(finishing_, did_share)) return false;
    std::memcpy(collective->outputs[0] + begin, result_slot(chunk), bytes);
  }
  state(rank()).finished.store(chunk + 1);
  head_->doorbell.ring();
  advance(finishing_, *collective);
  if (finishing_.chunk == 0) {
    collective->complete = true;
    under_way_.pop_front();
    ++num_complete_;
  }
  return true;
}

// In turn, so that a chunk is combined while it is still in the cache.
bool Lane::progress() {
  for (bool any = false;; any = true) {
    const bool published = publish(), combined = combine(), finished = finish();
    if (!published && !combined && !finished) return any;
  }
}

// ---- The calls

void Lane::start(std::shared_ptr<Collective> collective) {
  const std::lock_guard lock(mutex_);
  throw_if_failed();
  const int64_t most = chunk_bytes(*collective);
  collective->signature.number = static_cast<int64_t>(num_started_++);
  // An empty one, too, is a meeting of all.
  collective->num_chunks = std::max<int64_t>(1, (collective->bytes + most - 1) / most);
  under_way_.push_back(std::move(collective));
  progress();
}

bool Lane::poll(const Collective& collective) {
  const std::lock_guard lock(mutex_);
  if (collective.complete) return true;
  throw_if_failed();
  progress();
  return collective.complete;
}

void Lane::wait(const Collective& collective, std::chrono::milliseconds timeout) {
  const std::lock_guard lock(mutex_);
  if (collective.complete) return;
  throw_if_failed();
  if (progress() && collective.complete) return;
  SpinWait spin(peers_.crowded);
  const Clock::time_point begin = Clock::now();
  RunningTime waited(begin);
  Clock::time_point next_look = begin + kLookAfterPeers;
  while (!collective.complete) {
    if (spin.lasts()) {
      if (progress()) spin.renew();
      continue;
    }
    {
      const Sleeper sleeper(head_->doorbell);
      if (progress()) {
        spin.renew();
        continue;
      }
      sleeper.sleep(kLookAfterPeers);
    }
    const Clock::time_point now = Clock::now();
    if (now < next_look) continue;
    next_look = now + kLookAfterPeers;
    check_peers(timeout, waited.at(now) > timeout);
  }
}

void Lane::give_up(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  if (failure_.empty()) record_failure(reason);
}

// ---- What goes wrong

// Whether this rank cannot go on without something from that one.
bool Lane::is_missing(int peer) const {
  const uint64_t chunk = finishing_.done;
  if (combining_.done > chunk) return state(peer).combined.load() <= chunk;
  if (publishing_.done > chunk) return state(peer).slots[chunk % kSlots].published.load() <= chunk;
  return state(peer).finished.load() + kSlots <= chunk;
}

void Lane::check_peers(std::chrono::milliseconds timeout, bool late) {
  std::vector<int> dead;
  for (int peer = 0; peer < size(); ++peer) {
    if (peer != rank() && is_missing(peer) && !peers_.is_alive(peer)) dead.push_back(peer);
  }
  // What a rank wrote before it ended counts, and only now is it certain that it writes no more.
  if (progress()) return;
  const std::string what = to_string(under_way_.front()->signature) + ", in which rank " +
                           std::to_string(peers_.ranks[rank()]) + " waited for it";
  for (int peer = 0; peer < size(); ++peer) {
    if (is_missing(peer) && state(peer).failed.load() != 0)
      fail(name_of(peer) + " has given up: " + state(peer).failure);
  }
  for (const int peer : dead) {
    if (is_missing(peer))
      fail(name_of(peer) + " has died or left before " + what + "; look at what it wrote last");
  }
  if (!late) return;
  std::string missing;
  for (int peer = 0; peer < size(); ++peer) {
    if (is_missing(peer)) missing += (missing.empty() ? "" : ", ") + name_of(peer);
  }
  fail(missing + " did not take part in " + to_string(under_way_.front()->signature) + " within " +
       std::to_string(std::chrono::duration_cast<std::chrono::seconds>(timeout).count()) +
       " s; look at what the other ranks wrote, and at process_group.timeout");
}

void Lane::check_signature(int peer, const Collective& collective, uint64_t chunk) {
  const CollectiveSignature& theirs = state(peer).slots[chunk % kSlots].signature;
  if (theirs == collective.signature) return;
  fail("the ranks are out of step: rank " + std::to_string(peers_.ranks[rank()]) + " is at " +
       to_string(collective.signature) + ", " + name_of(peer) + " at " + to_string(theirs) +
       "; every process must call the same collectives in the same order, with tensors of the same "
       "type and size");
}

std::string Lane::name_of(int peer) const {
  return "rank " + std::to_string(peers_.ranks[peer]) + " (pid " +
         std::to_string(peers_.pids[peer]) + ")";
}

void Lane::record_failure(const std::string& reason) {
  failure_ = reason;
  RankState& own = state(rank());
  std::strncpy(own.failure, reason.c_str(), sizeof(own.failure) - 1);
  own.failed.store(1);
  head_->doorbell.ring();
}

void Lane::fail(const std::string& reason) {
  record_failure(reason);
  throw CollectiveError(reason);
}

void Lane::throw_if_failed() const {
  if (!failure_.empty()) throw CollectiveError(failure_);
}

}  // namespace accelerate::internal
