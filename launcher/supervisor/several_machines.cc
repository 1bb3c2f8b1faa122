#include "launcher/supervisor/several_machines.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "launcher/env/environment.h"
#include "launcher/env/variable_names.h"
#include "launcher/rendezvous/job_link.h"
#include "launcher/rendezvous/message.h"
#include "launcher/rendezvous/program_digest.h"
#include "launcher/rendezvous/time_left.h"
#include "launcher/supervisor/end_report.h"
#include "launcher/supervisor/listening_socket.h"
#include "launcher/supervisor/output_writer.h"
#include "launcher/supervisor/restart_pause.h"

namespace accelerate::launcher {
namespace {

// How the attempt ended for this machine, whatever it was.
struct LocalEnd {
  bool has_run = false;
  GroupEnd group = {};
  std::function<void(const std::string& lines)> print = print_to_errors;
};

using Clock = std::chrono::steady_clock;

// Talks with the other machines until `is_enough`, or until that time. A signal ends the job
// everywhere; a second one ends the waiting here, and is returned.
std::optional<int> talk(JobLink& link, SignalScope& signals, const std::function<bool()>& is_enough,
                        Clock::time_point end = Clock::time_point::max()) {
  bool is_told = false;
  while (!is_enough() && Clock::now() < end) {
    std::vector<pollfd> polled = {{.fd = signals.fd(), .events = POLLIN, .revents = 0}};
    link.add_to(polled);
    std::optional<std::chrono::milliseconds> wait = link.wait();
    if (end != Clock::time_point::max())
      wait = std::min(wait.value_or(time_left(end)), time_left(end));
    poll(polled.data(), polled.size(), wait.has_value() ? static_cast<int>(wait->count()) : -1);
    while (const std::optional<int> signal = take_ending_signal(signals)) {
      if (is_told) return signal;
      is_told = true;
      link.tell_signal(*signal);
    }
    link.handle();
  }
  return std::nullopt;
}

// What came from elsewhere: an end of this machine's own has been told by end_report().
std::string report_of_others(const LaunchPlan& plan, const JobLink& link, const Stop& stop,
                             const LocalEnd& local, const std::optional<int>& restart) {
  if (plan.quiet && stop.is_worker_end) return "";
  return absl::StrCat(
      "accelerate: ", stop.cause,
      local.has_run && !link.is_own(stop) ? "; the processes of this machine were stopped" : "",
      restart.has_value() ? absl::StrCat(", and all start again", count_of(*restart, plan)) : "",
      ".\n");
}

class MachineOfSeveral {
 public:
  MachineOfSeveral(Job& job, JobLink& link, JobScope& scope)
      : job_(job), link_(link), scope_(scope), signals_(scope.signals) {}

  int run() {
    if (const auto signal = talk(
            link_, signals_, [this] { return link_.is_joined() || link_.stop().has_value(); })) {
      return 128 + *signal;
    }
    job_.plan.machine_rank = link_.machine_rank();
    logs_ = make_log_folder(job_.plan);
    for (int number = 0;; ++number) {
      const LocalEnd end = run_attempt(number);
      const auto signal =
          talk(link_, signals_, [this] { return link_.stop().has_value() || link_.is_finished(); });
      if (signal.has_value()) return 128 + *signal;
      if (!link_.stop().has_value()) return end.group.exit_code();
      const Stop& stop = *link_.stop();
      report(end, stop, stop.is_restarted ? std::optional<int>(number + 1) : std::nullopt);
      if (!stop.is_restarted) return stop.exit_code;
      if (const auto second = pause_before(number + 1)) return 128 + *second;
    }
  }

 private:
  LocalEnd run_attempt(int number) {
    if (!logs_.ok()) return not_started(logs_.status());
    Attempt attempt = {.number = number, .link = &link_};
    if (link_.is_main_machine() && job_.has_store) {
      // At any port: the main one is taken by those who meet, and the last attempt's may be
      // anyone's.
      absl::StatusOr<Store> store = open_store(job_, /*port=*/0, Reach::kNetwork);
      if (!store.ok()) return not_started(store.status());
      attempt.store = *std::move(store);
    }
    link_.be_ready(number, attempt.store.endpoint.port);
    const auto signal = talk(
        link_, signals_, [this] { return link_.start().has_value() || link_.stop().has_value(); });
    if (signal.has_value() || !link_.start().has_value() || link_.stop().has_value()) return {};

    attempt.store.endpoint.address = job_.plan.main_process_ip;
    attempt.store.endpoint.port = link_.start()->store_port;
    choose_interface();
    absl::StatusOr<AttemptEnd> end =
        launcher::run_attempt(job_, std::move(attempt), *logs_, scope_);
    if (!end.ok()) return not_started(end.status());
    if (end->group.is_well()) {
      link_.tell_well();
    }
    const auto shared = std::make_shared<AttemptEnd>(*std::move(end));
    return {.has_run = true, .group = shared->group, .print = [shared](const std::string& lines) {
              shared->print(lines);
            }};
  }

  std::optional<int> pause_before(int attempt) {
    const auto is_over = [this] { return !link_.stop()->is_restarted; };
    return talk(link_, signals_, is_over, Clock::now() + restart_pause(job_.plan, attempt));
  }

  LocalEnd not_started(const absl::Status& status) {
    link_.tell_not_started(std::string(status.message()));
    return {};
  }

  // Gloo would take what the name of this machine resolves to, which on many is 127.0.1.1.
  void choose_interface() {
    const std::string name = link_.network_interface();
    const bool is_chosen = process_environment(kGlooInterfaceVariable).has_value();
    if (!name.empty() && !is_chosen) job_.plan.environment[kGlooInterfaceVariable] = name;
  }

  void report(const LocalEnd& local, const Stop& stop, const std::optional<int>& restart) {
    const LaunchPlan& plan = job_.plan;
    const absl::Status failure =
        job_.execution == nullptr ? absl::OkStatus() : job_.execution->failure();
    if (!failure.ok()) local.print(absl::StrCat("accelerate: ", failure.message(), "\n"));
    const std::string own =
        plan.quiet || !failure.ok() ? "" : end_report(plan, local.group, restart);
    local.print(own);
    const bool is_told = link_.is_own(stop) && (!own.empty() || !failure.ok());
    if (!is_told) local.print(report_of_others(plan, link_, stop, local, restart));
  }

  Job& job_;
  JobLink& link_;
  absl::StatusOr<std::optional<LogFolder>> logs_ = std::nullopt;  // Known by the machine's rank.
  JobScope& scope_;
  SignalScope& signals_;
};

}  // namespace

int run_on_several_machines(Job job, JobScope& scope) {
  const std::string digest = job.program.empty() ? "" : program_digest(job.program);
  absl::StatusOr<JobLink> link = JobLink::open(job.plan, digest);
  if (!link.ok()) return report_start(job.plan, link.status());
  const int exit_code = MachineOfSeveral(job, *link, scope).run();
  link->leave();
  return exit_code;
}

}  // namespace accelerate::launcher
