// Collectives between processes through memory that they share, one after the other.
//
//   Lane lane(memory, peers);        // Lane::bytes(size) bytes, zero when the first one comes
//   lane.start(collective);          // gives what fits to the others, and returns
//   // Backward goes on.
//   lane.wait(*collective, timeout); // the result is there
//
// There is no thread behind it: start(), poll() and wait() move on whatever can move, in the order
// of the starts, which is the same on all ranks. A collective is cut into chunks that pass through
// a fixed number of slots, so that it may be of any size. Sums are taken in rank order, each
// element by one rank or by all in the same way: the same bits on every rank and in every run.
//
// When a rank has died or left, comes too late or is at another collective, the call throws
// CollectiveError, as do all later ones. Safe from several threads, of which one at a time gets in.
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
  // There are fewer cores than processes.
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

  // The memory behind the addresses stays until the collective is complete or the lane gone.
  void start(std::shared_ptr<Collective> collective);
  // Whether it is complete.
  bool poll(const Collective& collective);
  void wait(const Collective& collective, std::chrono::milliseconds timeout);
  // This rank takes no part any more; the others learn why.
  void give_up(const std::string& reason);

 private:
  // Which chunk a stage comes to next, and how many peers are known to be ready for it.
  struct Stage {
    uint64_t collective = 0;
    uint64_t chunk = 0;
    uint64_t done = 0;  // Chunks of all collectives.
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
