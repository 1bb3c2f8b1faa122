#include "launcher/flight_record/flight_report.h"

#include <algorithm>
#include <ctime>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "formats/files/atomic_file.h"
#include "launcher/flight_record/duration_text.h"

namespace accelerate::launcher {
namespace {

// Reports that are written within a second.
constexpr int kMostNames = 100;

// The time of day here.
std::string time_text(const char* format) {
  const std::time_t time = std::time(nullptr);
  std::tm parts = {};
  localtime_r(&time, &parts);
  char text[64] = "";
  std::strftime(text, sizeof(text), format, &parts);
  return text;
}

std::string ranks_of(const FlightView& view) {
  if (view.ranks.empty()) return "none";
  const int first = view.ranks.front().record.rank;
  const int last = view.ranks.back().record.rank;
  return first == last ? absl::StrCat(first) : absl::StrCat(first, "-", last);
}

std::string state_of(const RankView& rank) {
  if (rank.record.pid() == 0) return "has not started";
  const std::string process = absl::StrCat("process ", rank.record.pid());
  if (rank.has_ended()) return absl::StrCat(process, ", has ended");
  return absl::StrCat(process, ", state ", std::string(1, rank.state));
}

std::string progress_of(const RankRecord& record, std::uint64_t now) {
  std::string text;
  const auto add = [&text](const auto&... parts) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", parts...);
  };
  if (record.step.has_value()) add("step ", *record.step);
  if (record.epoch.has_value()) add("epoch ", *record.epoch);
  if (record.consumed.has_value())
    add(*record.consumed, " samples (batches where a batch sampler makes them) of it taken");
  if (record.operation.has_value()) {
    add(record.operation->name, " for ", duration_text(record.operation->since, now));
  }
  return text.empty() ? "" : text + "\n";
}

std::string line_about(const NotedCollective& noted, std::uint64_t now) {
  const CollectiveFacts& facts = noted.facts;
  std::string line = absl::StrCat("  ", facts.name());
  if (facts.num_bytes() > 0) absl::StrAppend(&line, ", ", facts.num_bytes(), " bytes");
  if (const std::string place = facts.place(); !place.empty()) absl::StrAppend(&line, ", ", place);
  absl::StrAppend(&line, ": begun ", duration_text(facts.begun, now), " ago");
  if (facts.is_on_gpu) return line + ", given to the GPU\n";
  if (noted.ended != 0) {
    return absl::StrCat(line, ", took ", duration_text(facts.begun, noted.ended), "\n");
  }
  if (!noted.is_waited_for()) return line + ", not waited for yet\n";
  return absl::StrCat(line, ", waits for ", duration_text(noted.waits_since, now), "\n");
}

void add_rank(const RankView& rank, std::uint64_t now, std::string& text) {
  const RankRecord& record = rank.record;
  absl::StrAppend(&text, "\n==== rank ", record.rank, ": ", state_of(rank), "\n",
                  progress_of(record, now));
  absl::StrAppend(&text, "\nThe last ", record.collectives.size(), " of ", record.count,
                  " collectives, the newest first:\n");
  for (const NotedCollective& each : record.collectives)
    absl::StrAppend(&text, line_about(each, now));
  if (!rank.stacks.text.empty())
    absl::StrAppend(&text, "\nThe stacks of its threads:\n", rank.stacks.text);
}

absl::Status write(const std::string& path, const std::string& text,
                   const AtomicFileOptions& options) {
  absl::StatusOr<AtomicFile> file = AtomicFile::create(path, options);
  if (!file.ok()) return file.status();
  const absl::Status status = file->append(text);
  return status.ok() ? file->commit() : status;
}

}  // namespace

void read_all_stacks(FlightView& view, std::chrono::milliseconds limit) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point end = Clock::now() + limit;
  // First those that do not wait as the others do: they are what somebody wants to see.
  std::vector<RankView*> order;
  for (RankView& rank : view.ranks) order.push_back(&rank);
  std::stable_partition(order.begin(), order.end(), [](const RankView* rank) {
    return rank->record.longest_wait() == nullptr;
  });
  for (RankView* rank : order) {
    // Its number may be another process's, which nobody has asked about.
    if (rank->state == 0 || !rank->stacks.text.empty()) continue;
    rank->stacks = Clock::now() < end
                       ? read_stacks(rank->record.pid())
                       : Stacks{.text = "They are not read: those of other ranks took too long.\n"};
  }
}

std::string flight_report(const FlightView& view, const FlightReportOptions& options) {
  std::string text =
      absl::StrCat("Where the processes of this machine were at ",
                   time_text("%Y-%m-%d %H:%M:%S %z"), options.occasion.empty() ? "" : ", ",
                   options.occasion, ": ranks ", ranks_of(view), " of ", view.world_size, ".\n\n");
  for (const std::string& sentence : findings(view)) absl::StrAppend(&text, sentence, "\n");
  for (const RankView& rank : view.ranks) add_rank(rank, view.now, text);
  return text;
}

absl::StatusOr<std::string> write_flight_report(const FlightView& view,
                                                const FlightReportOptions& options) {
  const std::string text = flight_report(view, options);
  if (!options.path.empty()) {
    const absl::Status status =
        write(options.path, text, {.overwrite = true, .is_named_by_user = true});
    if (!status.ok()) return status;
    return options.path;
  }
  // The ranks tell the machines of one run apart, which may write to one disk.
  const std::string stem =
      absl::StrCat(options.folder, "/ranks_", ranks_of(view), "_", time_text("%Y-%m-%d_%H-%M-%S"));
  absl::Status status;
  for (int i = 1; i <= kMostNames; ++i) {
    const std::string path = absl::StrCat(stem, i == 1 ? "" : absl::StrCat("_", i), ".txt");
    status = write(path, text, {});
    if (status.ok()) return path;
    if (!absl::IsAlreadyExists(status)) break;
  }
  return status;
}

absl::Status rewrite_flight_report(const std::string& path, const FlightView& view,
                                   const FlightReportOptions& options) {
  return write(path, flight_report(view, options), {.overwrite = true});
}

}  // namespace accelerate::launcher
