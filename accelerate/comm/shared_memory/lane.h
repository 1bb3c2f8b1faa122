// Collectives between processes through memory that they share, one after the other.
//
//   Lane lane(memory, peers);        // Lane::bytes(size) bytes, zero when the first one comes
//   lane.start(collective);          // gives what fits to the others, and returns
//   // Backward goes on.
//   lane.wait(*collective, timeout); // the result is there
//
// There is no background thread: start(), poll() and wait() advance all collectives that can
// advance, in the order in which they were started, which is the same on all ranks. A collective is
// divided into chunks that pass through a fixed number of slots, so it may have any size. Sums are
// computed in rank order, each element by one rank or by all in the same way, so they have the same
// bits on every rank and in every run.
//
// If a rank has died or left, comes too late or is at another collective, the call throws
// CollectiveError, and so do all later ones. Thread-safe; calls from several threads run one at a
// time.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "accelerate/comm/shared_memory/collective.h"

namespace accelerate::internal {

// The processes of a lane; their places in these lists are their ranks in the lane.
struct LanePeers {
  int own = 0;
  // What messages call them: ranks in the whole run, and process ids, each in its own namespace.
  std::vector<int> ranks = {};
  std::vector<int> pids = {};
  // Whether there are fewer cores than processes.
  bool crowded = false;
  std::function<bool(int peer)> is_alive = {};

  int size() const { return static_cast<int>(ranks.size()); }
};

struct LaneHead;
struct RankState;

class Lane {
 public:
  static int64_t bytes(int num_peers);

  // `memory` is aligned to 64 bytes and outlives the lane.
  Lane(void* memory, LanePeers peers);
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  int size() const { return peers_.size(); }
  int rank() const { return peers_.own; }

  // The memory at the collective's addresses must remain valid until the collective is complete or
  // the lane is destroyed.
  void start(std::shared_ptr<Collective> collective);
  // Advances what it can without waiting, and returns whether this collective is complete.
  bool poll(const Collective& collective);
  void wait(const Collective& collective, std::chrono::milliseconds timeout);
  // Ends this rank's part in the lane and tells the others why.
  void give_up(const std::string& reason);

 private:
  // The chunk that a stage handles next, and how many peers are known to be ready for it.
  struct Stage {
    uint64_t collective = 0;
    uint64_t chunk = 0;
    uint64_t done = 0;  // Chunks, over all collectives.
    int ready = 0;
  };

  RankState& state(int peer) const;
  char* slot(int peer, uint64_t chunk) const;
  char* result_slot(uint64_t chunk) const;
  int64_t chunk_bytes(const Collective& collective) const;
  bool is_shared_out(const Collective& collective, int64_t bytes) const;

  Collective* next_of(const Stage& stage) const;
  static void advance(Stage& stage, const Collective& collective);
  template <class IsReady>
  bool all_ready(Stage& stage, IsReady&& is_ready) const;

  bool progress();
  bool publish();
  bool combine();
  bool finish();
  void combine_chunk(const Collective& collective, uint64_t chunk);
  void combine_pieces(const Collective& collective, uint64_t chunk, int64_t begin, int64_t bytes,
                      char* destination);

  bool is_missing(int peer) const;
  void check_peers(std::chrono::milliseconds timeout, bool late);
  void check_signature(int peer, const Collective& collective, uint64_t chunk);
  std::string name_of(int peer) const;
  void record_failure(const std::string& reason);
  [[noreturn]] void fail(const std::string& reason);
  void throw_if_failed() const;

  const LanePeers peers_;
  LaneHead* head_;
  char* slots_;
  std::vector<const void*> sources_;

  std::mutex mutex_;
  std::deque<std::shared_ptr<Collective>> under_way_;
  uint64_t num_started_ = 0;
  uint64_t num_complete_ = 0;
  Stage publishing_, combining_, finishing_;
  std::string failure_;
};

}  // namespace accelerate::internal
