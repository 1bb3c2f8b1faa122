// What a view of ranks comes to, in sentences.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "launcher/flight_record/duration_text.h"
#include "launcher/flight_record/flight_view.h"

namespace accelerate::launcher {
namespace {

using Ranks = std::vector<const RankView*>;

// "0, 1 and 3 to 7".
std::string list_of(const std::vector<int>& numbers) {
  std::vector<std::string> parts;
  for (std::size_t first = 0, last = 0; first < numbers.size(); first = last + 1) {
    for (last = first; last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1;) ++last;
    // Two in a row are no range.
    if (last == first + 1) last = first;
    parts.push_back(last == first ? absl::StrCat(numbers[first])
                                  : absl::StrCat(numbers[first], " to ", numbers[last]));
  }
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const char* separator = i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ";
    absl::StrAppend(&text, separator, parts[i]);
  }
  return text;
}

std::string names_of(const Ranks& ranks) {
  std::vector<int> numbers;
  for (const RankView* rank : ranks) numbers.push_back(rank->record.rank);
  return absl::StrCat(numbers.size() == 1 ? "rank " : "ranks ", list_of(numbers));
}

const char* has_or_have(const Ranks& ranks) { return ranks.size() == 1 ? " has" : " have"; }

// ", `gather` (main.cc:71),"
std::string place_clause(const CollectiveFacts& facts) {
  const std::string place = facts.place();
  return place.empty() ? "" : absl::StrCat(", ", place, ",");
}

std::string operation_clause(const RankView& rank, std::uint64_t now) {
  const auto& operation = rank.record.operation;
  if (!operation.has_value()) return "";
  return absl::StrCat(", and has been ", operation->name, " for ",
                      duration_text(operation->since, now));
}

// What a rank does that does not wait where the others do.
std::string sentence_about(const RankView& rank, std::uint64_t now) {
  const RankRecord& record = rank.record;
  const std::string name = absl::StrCat("rank ", record.rank);
  const std::string process = absl::StrCat("process ", record.pid());
  const NotedCollective* const last = record.last();
  const std::string after =
      last == nullptr ? "" : absl::StrCat("; its last collective was ", last->facts.name());
  if (record.pid() == 0) return name + " has not started";
  if (rank.has_ended()) return absl::StrCat(name, " has ended", after);
  if (rank.state == 'T') {
    return absl::StrCat(name, " is stopped (", process, ", state T); kill -CONT ", record.pid(),
                        " lets it go on", after);
  }
  if (rank.state == 't') return absl::StrCat(name, " is in a debugger (", process, ")", after);
  if (const NotedCollective* waits = record.longest_wait()) {
    return absl::StrCat(name, " has been at ", waits->facts.name(), place_clause(waits->facts),
                        " for ", duration_text(waits->waits_since, now),
                        operation_clause(rank, now));
  }
  if (record.operation.has_value()) {
    return absl::StrCat(name, " has been ", record.operation->name, " for ",
                        duration_text(record.operation->since, now));
  }
  const std::string where =
      rank.stacks.place.empty() ? "" : absl::StrCat(": it is in ", rank.stacks.place);
  if (record.process == 0) {
    return absl::StrCat(name, " (", process, ") has noted nothing yet, or notes nothing at all",
                        where);
  }
  if (last == nullptr) return absl::StrCat(name, " has come to no collective yet", where);
  const std::string ago = duration_text(last->last_time(), now);
  if (last->facts.is_on_gpu) {
    return absl::StrCat(name, " has given its GPU no collective since ", last->facts.name(), ", ",
                        ago, " ago", where);
  }
  return absl::StrCat(name, " has been in no collective since ", last->facts.name(), ", ", ago,
                      " ago", where);
}

// ---- Who waits for whom

struct Wait {
  const RankView* rank;
  const NotedCollective* collective;
};

// Those that wait in one collective.
using Group = std::vector<Wait>;

Ranks ranks_of(const Group& group) {
  Ranks ranks;
  for (const Wait& wait : group) ranks.push_back(wait.rank);
  return ranks;
}

// By their communicators.
std::map<std::uint64_t, std::vector<Group>> groups_of(const FlightView& view) {
  std::map<std::uint64_t, std::vector<Group>> groups;
  for (const RankView& rank : view.ranks) {
    // One that has ended or is stopped is what the others wait for, wherever it was.
    if (rank.state == 0 || rank.state == 'T' || rank.state == 't') continue;
    const NotedCollective* const waits = rank.record.longest_wait();
    if (waits == nullptr) continue;
    std::vector<Group>& alike = groups[waits->facts.communicator_id];
    const auto group = std::find_if(alike.begin(), alike.end(), [waits](const Group& each) {
      return each.front().collective->facts.agrees_with(waits->facts);
    });
    (group == alike.end() ? alike.emplace_back() : *group).push_back({&rank, waits});
  }
  return groups;
}

bool is_known_member(const RankView& rank, const CollectiveFacts& facts) {
  if (facts.communicator == 0) return true;
  const auto& noted = rank.record.collectives;
  return std::any_of(noted.begin(), noted.end(), [&facts](const NotedCollective& each) {
    return each.facts.communicator_id == facts.communicator_id;
  });
}

// The largest, and of those of one size the one that has come farthest.
const Group& main_group(const std::vector<Group>& groups) {
  return *std::max_element(groups.begin(), groups.end(), [](const Group& a, const Group& b) {
    if (a.size() != b.size()) return a.size() < b.size();
    return a.front().collective->facts.number < b.front().collective->facts.number;
  });
}

struct Absent {
  Ranks missing = {};
  // So many of these are missing as well. They have noted nothing of the communicator, as where
  // they have not come to its first collective.
  Ranks possible = {};
  std::size_t num_unknown = 0;
};

Absent absent_from(const Group& group, const FlightView& view) {
  const CollectiveFacts& facts = group.front().collective->facts;
  const Ranks waiting = ranks_of(group);
  Absent absent;
  for (const RankView& rank : view.ranks) {
    if (std::find(waiting.begin(), waiting.end(), &rank) != waiting.end()) continue;
    (is_known_member(rank, facts) ? absent.missing : absent.possible).push_back(&rank);
  }
  const std::size_t num_known = waiting.size() + absent.missing.size();
  const bool is_whole_run_here = static_cast<int>(view.ranks.size()) >= view.world_size;
  if (num_known >= facts.num_ranks || !is_whole_run_here) {
    absent.possible.clear();
    return absent;
  }
  absent.num_unknown = facts.num_ranks - num_known;
  if (absent.possible.size() <= absent.num_unknown) {
    absent.missing.insert(absent.missing.end(), absent.possible.begin(), absent.possible.end());
    absent.possible.clear();
  }
  return absent;
}

void add_waits(const FlightView& view, const std::vector<Group>& groups,
               std::vector<std::string>& sentences) {
  const Group& group = main_group(groups);
  const Ranks waiting = ranks_of(group);
  const CollectiveFacts& facts = group.front().collective->facts;
  const auto [missing, possible, num_unknown] = absent_from(group, view);
  for (const Ranks& ranks : {missing, possible}) {
    for (const RankView* rank : ranks) {
      const std::string sentence = sentence_about(*rank, view.now);
      // Those of another communicator may wait for it as well.
      if (std::find(sentences.begin(), sentences.end(), sentence) == sentences.end())
        sentences.push_back(sentence);
    }
  }
  std::uint64_t since = view.now;
  for (const Wait& wait : group) since = std::min(since, wait.collective->waits_since);
  const bool are_all_here = waiting.size() + missing.size() >= facts.num_ranks;
  std::string whom = missing.size() == 1 ? " for it" : " for them";
  if (missing.empty()) whom = are_all_here ? "" : " for ranks that are not on this machine";
  if (!possible.empty()) {
    whom = absl::StrCat(missing.empty() ? "" : whom + " and", " for ", num_unknown, " of ",
                        names_of(possible));
  }
  sentences.push_back(absl::StrCat(
      names_of(waiting), has_or_have(waiting), " waited", whom, " in ", facts.name(),
      place_clause(facts), " for ", duration_text(since, view.now),
      missing.empty() && are_all_here ? "; no rank differs, so look at the stacks, and the network"
                                      : ""));
}

// What GPUs work off by themselves nobody waits for: those that have been given less are behind.
void add_lags(const FlightView& view, std::vector<std::string>& sentences) {
  std::uint64_t most = 0;
  for (const RankView& rank : view.ranks) most = std::max(most, rank.record.last_of_run);
  Ranks first, behind;
  const CollectiveFacts* farthest = nullptr;  // Null as well where its notes have made room.
  for (const RankView& rank : view.ranks) {
    (rank.record.last_of_run == most ? first : behind).push_back(&rank);
    for (const NotedCollective& each : rank.record.collectives) {
      if (each.facts.communicator == 0 && each.facts.number == most) farthest = &each.facts;
    }
  }
  if (farthest == nullptr || behind.empty() || !farthest->is_on_gpu) {
    for (const RankView& rank : view.ranks) sentences.push_back(sentence_about(rank, view.now));
    return;
  }
  for (const RankView* rank : behind) sentences.push_back(sentence_about(*rank, view.now));
  sentences.push_back(
      absl::StrCat(names_of(first), has_or_have(first), " got as far as ", farthest->name()));
}

}  // namespace

std::vector<std::string> findings(const FlightView& view, const std::vector<std::string>& told) {
  std::vector<std::string> sentences;
  const auto groups = groups_of(view);
  for (const auto& [communicator, alike] : groups) add_waits(view, alike, sentences);
  if (groups.empty()) add_lags(view, sentences);
  const int num_elsewhere = view.world_size - static_cast<int>(view.ranks.size());
  const bool is_launched = !view.ranks.empty() && view.ranks.front().record.started != 0;
  if (num_elsewhere > 0) {
    sentences.push_back(absl::StrCat(
        "the other ", num_elsewhere, " of ", view.world_size, " ranks are ",
        is_launched ? "on other machines, whose launchers know of them"
                    : "processes that nobody launched together with this one; ask each of them"));
  }
  std::erase_if(sentences, [&told](const std::string& sentence) {
    return std::find(told.begin(), told.end(), sentence) != told.end();
  });
  return sentences;
}

}  // namespace accelerate::launcher
