#include "accelerate/comm/roll_call.h"

#include <c10/util/Exception.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <thread>
#include <vector>

#include "launcher/env/ended_ranks.h"
#include "launcher/text/printable.h"

namespace accelerate::internal {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

constexpr char kTerms[] = "terms";
constexpr char kAllAreHere[] = "all_are_here";

std::string key_of(int rank) { return "rank_" + std::to_string(rank); }

std::string this_process() {
  char name[256] = "";
  gethostname(name, sizeof(name) - 1);
  return "process " + std::to_string(getpid()) + " on " + name;
}

// Two containers may have the same host name and process ids.
std::string random_mark() {
  std::random_device random;
  return '\n' + std::to_string(random()) + std::to_string(random());
}

std::string absence(int rank) {
  return c10::str("rank ", rank,
                  " has ended (with exit code 0) without joining the run, for which "
                  "the others wait; let all processes make an Accelerator, or none");
}

// Of the processes of this machine; its launcher knows no others.
std::optional<std::string> find_absence(c10d::Store& store,
                                        const launcher::WorkerEnvironment& worker) {
  for (const int local_rank : launcher::read_ended_ranks(worker.ended_ranks)) {
    const int rank = worker.rank - worker.local_rank + local_rank;
    // Looked for after it has ended: had it come, it would be there.
    if (!store.check({key_of(rank)})) return absence(rank);
  }
  return std::nullopt;
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

// Until the key is there; why it never will be, if so. By looking again and again: where the store
// waits and gives up, LibTorch writes pages.
std::optional<std::string> wait_for(c10d::Store& store, const char* key, const RollCall& own) {
  constexpr microseconds kShortest(100);
  // Longer where many ask rank 0.
  const microseconds longest(10'000 + 100 * own.worker.world_size);
  const Clock::time_point begin = Clock::now();
  while (!store.check({key})) {
    if (auto reason = find_absence(store, own.worker)) return reason;
    const auto waited = std::chrono::duration_cast<microseconds>(Clock::now() - begin);
    TORCH_CHECK(waited < own.timeout, "these ranks have not come within ",
                std::chrono::duration_cast<std::chrono::seconds>(own.timeout).count(),
                " s: ", list_missing(store, own.worker.world_size));
    std::this_thread::sleep_for(std::clamp(waited / 8, kShortest, longest));
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> answer_roll_call(c10d::Store& store, const RollCall& own) {
  const std::string remedy =
      "; start each rank once, and give each run a port of its own (MASTER_PORT)";
  const int rank = own.worker.rank;
  if (rank != 0) {
    if (auto reason = wait_for(store, kTerms, own)) return reason;
    const std::string terms = store.get_to_str(kTerms);
    if (terms != own.terms) {
      return "rank 0 there is of a run of " + launcher::plain_start(terms) +
             ", and this process of one of " + own.terms + remedy;
    }
  }
  const std::string claim = this_process() + random_mark();
  const std::string holder = store.compareSet(key_of(rank), std::string(), claim);
  if (holder != claim) {
    return "rank " + std::to_string(rank) + " has come already, as " +
           launcher::plain_start(holder.substr(0, holder.find('\n'))) + remedy;
  }
  if (rank == 0) store.set(kTerms, own.terms);
  return std::nullopt;
}

std::optional<std::string> wait_for_all(c10d::Store& store, const RollCall& own) {
  if (store.add("here", 1) == own.worker.world_size) store.set(kAllAreHere, "");
  return wait_for(store, kAllAreHere, own);
}

std::optional<std::string> absence_of_rank_0(const launcher::WorkerEnvironment& worker) {
  const bool is_here = worker.rank == worker.local_rank;
  const std::vector<int> ended = launcher::read_ended_ranks(worker.ended_ranks);
  const bool has_ended = is_here && !ended.empty() && ended[0] == 0;
  return has_ended ? std::optional<std::string>(absence(0)) : std::nullopt;
}

}  // namespace accelerate::internal
