#include "launcher/request/output_plan.h"

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
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

}  // namespace accelerate::launcher
