#include "accelerate/comm/roll_call.h"

#include <c10/util/Exception.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <thread>
#include <vector>

#include "accelerate/comm/running_time.h"
#include "launcher/env/rank_states.h"
#include "launcher/text/printable.h"

namespace accelerate::internal {
namespace {

using launcher::RankState;
using std::chrono::microseconds;

constexpr char kTerms[] = "terms";
constexpr char kHere[] = "here";
constexpr char kAllAreHere[] = "all_are_here";
constexpr char kStart[] = "start";

std::string key_of(int rank) { return "rank_" + std::to_string(rank); }

std::string this_process() {
  char name[256] = "";
  gethostname(name, sizeof(name) - 1);
  return "process " + std::to_string(getpid()) + " on " + name;
}

// Two containers may have the same host name and process ids.
std::string random_mark() {
  std::random_device random;
  return std::to_string(random()) + std::to_string(random());
}

std::string absence(int rank) {
  return c10::str("rank ", rank,
                  " has ended (with exit code 0) without joining the run, and the "
                  "others are waiting for it; make an Accelerator in all processes, or in none");
}

// Of the processes of this machine; its launcher knows no others.
std::optional<std::string> find_absence(c10d::Store& store,
                                        const launcher::WorkerEnvironment& worker) {
  const std::vector<RankState> states = launcher::read_rank_states(worker.rank_states);
  for (size_t local_rank = 0; local_rank < states.size(); ++local_rank) {
    const int rank = worker.rank - worker.local_rank + static_cast<int>(local_rank);
    // Looked for after it has ended: had it come, it would be there.
    if (states[local_rank] == RankState::kEnded && !store.check({key_of(rank)}))
      return absence(rank);
  }
  return std::nullopt;
}

// Waits a moment before the next look, the longer the longer it has waited.
class Looks {
 public:
  explicit Looks(int world_size) : longest_(10'000 + 100 * world_size) {}

  microseconds waited() {
    return std::chrono::duration_cast<microseconds>(time_.at(RunningTime::Clock::now()));
  }
  void pause() {
    constexpr microseconds kShortest(100);
    std::this_thread::sleep_for(std::clamp(waited() / 8, kShortest, longest_));
  }

 private:
  // Longer where many ask rank 0.
  microseconds longest_;
  RunningTime time_{RunningTime::Clock::now()};
};

std::string seconds(std::chrono::milliseconds time) {
  return c10::str(std::chrono::duration_cast<std::chrono::seconds>(time).count(), " s");
}

// The ranks that have not come, as far as a line has room for them.
std::string list_missing(c10d::Store& store, int world_size) {
  constexpr size_t kNamed = 8;
  std::vector<int> missing;
  for (int rank = 0; rank < world_size; ++rank) {
    if (!store.check({key_of(rank)})) missing.push_back(rank);
  }
  const size_t count = missing.size();
  missing.resize(std::min(count, kNamed));
  return c10::str(c10::Join(", ", missing), count > kNamed ? ", ..." : "", " (", count, " of ",
                  world_size, ")");
}

// Until it is so; why it never will be, if so. By looking again and again: where the store waits
// and gives up, LibTorch writes pages.
template <class Condition>
std::optional<std::string> wait_until(c10d::Store& store, const RollCall& own,
                                      Condition&& condition) {
  Looks looks(own.worker.world_size);
  while (!condition()) {
    if (own.is_over && own.is_over()) throw StartedAnew();
    if (auto reason = find_absence(store, own.worker)) return reason;
    TORCH_CHECK(looks.waited() < own.timeout, "these ranks have not joined within ",
                seconds(own.timeout), ": ", list_missing(store, own.worker.world_size));
    looks.pause();
  }
  return std::nullopt;
}

std::optional<std::string> wait_for(c10d::Store& store, const char* key, const RollCall& own) {
  return wait_until(store, own, [&] { return store.check({key}); });
}

}  // namespace

std::optional<std::string> answer_roll_call(c10d::Store& store, const RollCall& own) {
  const std::string remedy = "; start each rank once, and give each run its own port (MASTER_PORT)";
  const int rank = own.worker.rank;
  if (rank != 0) {
    if (auto reason = wait_for(store, kTerms, own)) return reason;
    const std::string terms = store.get_to_str(kTerms);
    if (terms != own.terms) {
      return "rank 0 at this address belongs to a run of " + launcher::plain_start(terms) +
             ", and this process to a run of " + own.terms + remedy;
    }
  }
  const std::string claim = this_process() + '\n' + random_mark();
  const std::string holder = store.compareSet(key_of(rank), std::string(), claim);
  if (holder != claim) {
    // Typically by this rank's process of the start before.
    Looks looks(own.worker.world_size);
    if (own.is_over) wait_until(store, own, [&] { return looks.waited() >= own.timeout; });
    return "rank " + std::to_string(rank) + " has joined already, as " +
           launcher::plain_start(holder.substr(0, holder.find('\n'))) + remedy;
  }
  if (rank == 0) store.set(kTerms, own.terms);
  return std::nullopt;
}

std::optional<std::string> wait_for_all(c10d::Store& store, const RollCall& own) {
  store.add(kHere, 1);
  if (own.worker.rank != 0) return wait_for(store, kAllAreHere, own);
  // Rank 0 says so: that of an earlier start, which has gone, cannot.
  auto absence =
      wait_until(store, own, [&] { return store.add(kHere, 0) >= own.worker.world_size; });
  if (!absence) store.set(kAllAreHere, "");
  return absence;
}

std::string name_of_start(c10d::Store& store, const RollCall& own) {
  if (own.worker.rank == 0) {
    store.set(kStart, random_mark());
  } else if (auto reason = wait_for(store, kStart, own)) {
    TORCH_CHECK(false, *reason);
  }
  return store.get_to_str(kStart);
}

bool is_start_over(c10d::Store& store, const std::string& name) {
  return store.get_to_str(kStart) != name;
}

std::optional<std::string> wait_for_store(const launcher::WorkerEnvironment& worker,
                                          std::chrono::milliseconds timeout) {
  const bool is_here = worker.rank == worker.local_rank;
  if (!is_here || worker.rank == 0) return std::nullopt;
  Looks looks(worker.local_world_size);
  while (true) {
    const std::vector<RankState> states = launcher::read_rank_states(worker.rank_states);
    if (states.empty() || states[0] == RankState::kHasStore) return std::nullopt;
    if (states[0] == RankState::kEnded) return absence(0);
    TORCH_CHECK(looks.waited() < timeout, "rank 0 has not joined within ", seconds(timeout));
    looks.pause();
  }
}

}  // namespace accelerate::internal
