#include "launcher/flight_record/hang_watch.h"

#include <algorithm>
#include <limits>

namespace accelerate::launcher {
namespace {

// Of the time that a rank may wait: for as long as another one is busy with a long operation.
constexpr std::uint64_t kPatience = 4;

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

}  // namespace

// On a GPU nobody waits: there it is a collective of all ranks that another rank here has not come
// to. Of parts of the ranks it is not known who is in them before they come.
std::vector<HangWatch::Wait> HangWatch::waits_of(const FlightSnapshot& snapshot) {
  std::uint64_t least = kMost;
  for (const RankRecord& rank : snapshot.ranks) least = std::min(least, rank.last_of_run);
  std::vector<Wait> waits;
  for (const RankRecord& rank : snapshot.ranks) {
    for (const NotedCollective& each : rank.collectives) {
      const CollectiveFacts& facts = each.facts;
      const bool is_alone = facts.is_on_gpu && facts.communicator == 0 && facts.number > least;
      if (each.is_waited_for()) {
        waits.push_back({rank.rank, each.ticket, each.waits_since});
      } else if (is_alone) {
        waits.push_back({rank.rank, each.ticket, facts.begun});
      }
    }
  }
  return waits;
}

bool HangWatch::is_new_hang(const FlightSnapshot& snapshot) {
  const std::vector<Wait> waits = waits_of(snapshot);
  const bool goes_on = std::any_of(waits.begin(), waits.end(), [this](const Wait& wait) {
    return std::any_of(told_.begin(), told_.end(), [&wait](const Wait& told) {
      return told.rank == wait.rank && told.ticket == wait.ticket;
    });
  });
  if (goes_on) return false;
  told_.clear();
  const bool has_operation =
      std::any_of(snapshot.ranks.begin(), snapshot.ranks.end(),
                  [](const RankRecord& rank) { return rank.operation.has_value(); });
  const std::uint64_t limit = has_operation ? kPatience * limit_ : limit_;
  const bool is_hang = std::any_of(waits.begin(), waits.end(), [&](const Wait& wait) {
    const std::uint64_t since = std::max(wait.since, earliest_);
    return snapshot.now > since && snapshot.now - since > limit;
  });
  if (is_hang) told_ = waits;
  return is_hang;
}

}  // namespace accelerate::launcher
