#include "launcher/request/output_plan.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace accelerate::launcher {
namespace {

std::optional<Streams> parse_streams(absl::string_view text) {
  if (text.size() != 1 || text[0] < '0' || text[0] > '3') return std::nullopt;
  const int bits = text[0] - '0';
  return Streams{.out = (bits & 1) != 0, .err = (bits & 2) != 0};
}

}  // namespace

Streams Tee::of(int rank) const {
  if (ranks.empty()) return all;
  Streams streams;
  for (const RankStreams& each : ranks) {
    if (each.rank == rank) streams = each.streams;  // The last one holds.
  }
  return streams;
}

absl::StatusOr<Tee> parse_tee(const std::string& text) {
  if (const std::optional<Streams> streams = parse_streams(text)) return Tee{.all = *streams};
  Tee tee;
  for (const absl::string_view entry : absl::StrSplit(text, ',')) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(entry, absl::MaxSplits(':', 1));
    const std::optional<Streams> streams = parse_streams(parts.second);
    int rank = -1;
    if (!streams.has_value() || !absl::SimpleAtoi(parts.first, &rank) || rank < 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--tee=", text, " is not valid; write 0 for no stream, 1 for standard output, 2 for ",
          "standard error or 3 for both, or one of these for single ranks: 0:1,1:3."));
    }
    tee.ranks.push_back({.rank = rank, .streams = *streams});
  }
  return tee;
}

bool OutputPlan::shows(int local_rank) const {
  return shown_local_ranks.empty() || std::find(shown_local_ranks.begin(), shown_local_ranks.end(),
                                                local_rank) != shown_local_ranks.end();
}

absl::StatusOr<std::vector<int>> parse_local_ranks(const std::string& text) {
  std::vector<int> ranks;
  for (const absl::string_view entry : absl::StrSplit(text, ',')) {
    int rank = -1;
    if (!absl::SimpleAtoi(entry, &rank) || rank < 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--local_ranks_filter=", text, " is not valid; write the ranks on this machine whose ",
          "output is to be shown, such as 0 or 0,2."));
    }
    ranks.push_back(rank);
  }
  return ranks;
}

absl::Status check_shown_ranks(const OutputPlan& plan, int num_processes) {
  for (int rank = 0; rank < num_processes; ++rank) {
    if (plan.shows(rank)) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--local_ranks_filter=", absl::StrJoin(plan.shown_local_ranks, ","),
                   " would show nothing: the processes of this machine have the local ranks 0 to ",
                   num_processes - 1, "; name one of these."));
}

std::string absent_ranks_remark(const OutputPlan& plan, int num_processes, int world_size) {
  std::vector<std::string> names;
  for (const RankStreams& each : plan.tee.ranks) {
    if (each.rank >= world_size) names.push_back(absl::StrCat("rank ", each.rank, " of --tee"));
  }
  for (const int rank : plan.shown_local_ranks) {
    if (rank < num_processes) continue;
    names.push_back(absl::StrCat("local rank ", rank, " of --local_ranks_filter"));
  }
  if (names.empty()) return "";
  return absl::StrCat("There is no ", absl::StrJoin(names, ", no "), ": ranks count from 0 to ",
                      world_size - 1, ", and on this machine to ", num_processes - 1, ".");
}

}  // namespace accelerate::launcher
