#include "launcher/supervisor/end_report.h"

#include <signal.h>

#include <chrono>
#include <sstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace accelerate::launcher {
namespace {

double seconds(std::chrono::milliseconds time) {
  return std::chrono::duration<double>(time).count();
}

std::string failed_process(const LaunchPlan& plan, const GroupEnd& end) {
  if (!plan.is_multi_process()) return absl::StrCat("process ", end.failed_process);
  return absl::StrCat("rank ", plan.rank_of(*end.failed_rank), " of ", plan.world_size(),
                      " (process ", end.failed_process, ")");
}

// As indented lines, unlike those that were passed on when they were written.
std::string last_errors(const LaunchPlan& plan, const GroupEnd& end) {
  const std::string rank = absl::StrCat("accelerate: rank ", plan.rank_of(*end.failed_rank));
  if (end.last_errors.empty()) return absl::StrCat(rank, " wrote nothing to standard error.\n");
  std::string text = absl::StrCat(rank, " ended with this on standard error:\n");
  std::istringstream lines(end.last_errors);
  for (std::string line; std::getline(lines, line);) absl::StrAppend(&text, "  | ", line, "\n");
  return text;
}

std::string consequence(const LaunchPlan& plan, const GroupEnd& end,
                        const std::optional<int>& restart) {
  if (restart.has_value()) {
    return absl::StrCat("; ", plan.is_multi_process() ? "all processes start" : "it starts",
                        " again", count_of(*restart, plan));
  }
  if (plan.max_restarts > 0 && end.received_signal.has_value()) {
    return absl::StrCat("; nothing starts again after ", signal_name(*end.received_signal));
  }
  if (plan.num_machines > 1) return "; the others were stopped, on all machines";
  return plan.is_multi_process() ? "; the others were stopped" : "";
}

// Those that have lost what they did not save in time.
std::string killed_ranks(const LaunchPlan& plan, const GroupEnd& end) {
  if (end.killed_ranks.empty()) return "";
  std::vector<int> ranks;
  for (const int local : end.killed_ranks) ranks.push_back(plan.rank_of(local));
  const bool is_one = ranks.size() == 1;
  const std::string who = !plan.is_multi_process() ? "the process"
                                                   : absl::StrCat(is_one ? "rank " : "ranks ",
                                                                  absl::StrJoin(ranks, ", "));
  if (end.was_killed_by_request) {
    return absl::StrCat("accelerate: ", who, is_one ? " was" : " were",
                        " killed at the second signal, before the end.\n");
  }
  return absl::StrCat("accelerate: ", who, " had not ended ", seconds(plan.grace_period),
                      " s after being told to, and ", is_one ? "was" : "were",
                      " killed; --grace_period gives more time.\n");
}

}  // namespace

bool is_restarted(const LaunchPlan& plan, const GroupEnd& end, int attempt) {
  return !end.received_signal.has_value() && end.failed_rank.has_value() &&
         attempt < plan.max_restarts;
}

int exit_code(const LaunchPlan& plan, const GroupEnd& end, int attempt) {
  const bool was_to_restart = end.failed_rank.has_value() && attempt < plan.max_restarts;
  if (was_to_restart && end.received_signal.has_value()) return 128 + *end.received_signal;
  return end.exit_code();
}

std::string count_of(int restart, const LaunchPlan& plan) {
  return absl::StrCat(" (restart ", restart, " of ", plan.max_restarts, ")");
}

std::string end_report(const LaunchPlan& plan, const GroupEnd& end,
                       const std::optional<int>& restart) {
  if (!end.failed_rank.has_value()) {
    if (!end.received_signal.has_value()) return killed_ranks(plan, end);
    return absl::StrCat("accelerate: ", signal_name(*end.received_signal),
                        " received; all processes were stopped.\n", killed_ranks(plan, end));
  }
  std::string text = absl::StrCat("accelerate: ", failed_process(plan, end), " ",
                                  describe(end.worker_end), consequence(plan, end, restart), ".\n");
  if (end.worker_end == WorkerEnd{.by_signal = true, .code = SIGKILL}) {
    absl::StrAppend(&text,
                    "accelerate: the kernel does this when memory runs out: look into dmesg.\n");
  }
  // What the only process wrote stands right above, and what is tried again is not over.
  if (plan.is_multi_process() && !restart.has_value()) {
    absl::StrAppend(&text, last_errors(plan, end));
  }
  return text + killed_ranks(plan, end);
}

}  // namespace accelerate::launcher
