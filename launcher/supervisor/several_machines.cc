#include "launcher/supervisor/several_machines.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "launcher/env/environment.h"
#include "launcher/env/variable_names.h"
#include "launcher/posix/address_lookup.h"
#include "launcher/posix/listening_socket.h"
#include "launcher/posix/output_writer.h"
#include "launcher/posix/time_left.h"
#include "launcher/posix/worker_end.h"
#include "launcher/rendezvous/job_link.h"
#include "launcher/rendezvous/message.h"
#include "launcher/rendezvous/program_digest.h"
#include "launcher/supervisor/end_report.h"
#include "launcher/supervisor/restart_pause.h"

namespace accelerate::launcher {
namespace {

// How the attempt ended for this machine, whatever it was.
struct LocalEnd {
  bool has_run = false;
  std::optional<int> signal = std::nullopt;  // That ended the waiting for the others.
  GroupEnd group = {};
  std::function<void(const std::string& lines)> print = print_to_errors;
};

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// A word and its answer take no longer. A launcher that is stopped never answers, though its
// machine does.
constexpr std::chrono::seconds kLongestLastWord(5);

milliseconds last_word_limit(const LaunchPlan& plan) {
  return std::min<milliseconds>(plan.grace_period, kLongestLastWord);
}

void wait_for(const JobLink& link, const SignalScope& signals,
              const std::optional<Clock::time_point>& deadline) {
  std::vector<pollfd> polled = {{.fd = signals.fd(), .events = POLLIN, .revents = 0}};
  link.add_to(polled);
  std::optional<milliseconds> wait = link.wait();
  if (deadline.has_value()) {
    const milliseconds rest = time_left(*deadline);
    wait = std::min(wait.value_or(rest), rest);
  }
  poll(polled.data(), polled.size(), wait.has_value() ? static_cast<int>(wait->count()) : -1);
}

struct TalkOptions {
  // How long to wait for an answer once a signal has come.
  milliseconds limit;
  // A signal of which the others have been told already.
  std::optional<int> told = std::nullopt;
  std::optional<Clock::time_point> end = std::nullopt;
};

// Talks with the other machines until `is_enough`, or the end. A signal ends the job everywhere; a
// second one ends the waiting here, and is returned, as is the first one where nobody answers
// within the limit.
std::optional<int> talk(JobLink& link, SignalScope& signals, const TalkOptions& options,
                        const std::function<bool()>& is_enough) {
  std::optional<int> told = options.told;
  std::optional<Clock::time_point> deadline;
  while (true) {
    if (is_enough() || (options.end.has_value() && Clock::now() >= *options.end))
      return std::nullopt;
    if (told.has_value() && !deadline.has_value()) deadline = Clock::now() + options.limit;
    if (deadline.has_value() && Clock::now() >= *deadline) {
      print_to_errors(absl::StrCat("accelerate: ", signal_name(*told),
                                   " received, and machine 0 does ",
                                   "not answer; the processes of this machine are stopped.\n"));
      return told;
    }
    wait_for(link, signals, deadline.has_value() ? deadline : options.end);
    while (const std::optional<int> signal = take_ending_signal(signals)) {
      if (told.has_value()) return signal;
      told = signal;
      link.tell_signal(*signal);
    }
    link.handle();
  }
}

// Sees to it that the others have heard the last word.
void say_goodbye(JobLink& link, SignalScope& signals, milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  while (!link.may_leave() && Clock::now() < deadline && !take_ending_signal(signals).has_value()) {
    wait_for(link, signals, deadline);
    link.handle();
  }
}

// Nothing where no machine needs to know before the link is there. A signal ends the waiting, and
// is returned.
struct MainAddress {
  std::unique_ptr<AddressLookup> lookup = nullptr;
  std::optional<int> signal = std::nullopt;
};

MainAddress look_for_main(const LaunchPlan& plan, SignalScope& signals) {
  MainAddress main;
  if (!plan.is_numbered_by_arrival && plan.machine_rank != 0) return main;
  main.lookup = std::make_unique<AddressLookup>(plan.main_process_ip, plan.main_process_port);
  while (plan.is_numbered_by_arrival && !main.lookup->is_done() && !main.signal.has_value()) {
    pollfd polled[] = {{.fd = signals.fd(), .events = POLLIN, .revents = 0},
                       {.fd = main.lookup->fd(), .events = POLLIN, .revents = 0}};
    poll(polled, std::size(polled), -1);
    main.signal = take_ending_signal(signals);
  }
  return main;
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
    if (const auto signal = talk(link_, signals_, {.limit = limit_}, [this] {
          return link_.is_joined() || link_.stop().has_value();
        })) {
      return 128 + *signal;
    }
    job_.plan.machine_rank = link_.machine_rank();
    logs_ = make_log_folder(job_.plan);
    for (int number = 0;; ++number) {
      const LocalEnd end = run_attempt(number);
      if (end.signal.has_value()) return 128 + *end.signal;
      const auto signal =
          talk(link_, signals_, {.limit = limit_, .told = end.group.received_signal},
               [this] { return link_.stop().has_value() || link_.is_finished(); });
      if (signal.has_value()) return 128 + *signal;
      if (!link_.stop().has_value()) return end.group.exit_code();
      const Stop& stop = *link_.stop();
      // Whatever machine 0 says, this one does not start again more often than it was told to.
      const bool is_restarted = stop.is_restarted && number < job_.plan.max_restarts;
      report(end, stop, is_restarted ? std::optional<int>(number + 1) : std::nullopt);
      if (!is_restarted) return stop.exit_code;
      if (const auto second = pause_before(number + 1)) return 128 + *second;
    }
  }

 private:
  LocalEnd run_attempt(int number) {
    if (!logs_.ok()) return not_started(logs_.status(), number);
    Attempt attempt = {.number = number, .link = &link_};
    if (link_.is_main_machine() && job_.has_store) {
      // At any port: the main one is taken by those who meet, and the last attempt's may be
      // anyone's.
      absl::StatusOr<Store> store =
          open_store(job_, /*port=*/0, reach_of(job_.plan.main_process_ip));
      if (!store.ok()) return not_started(store.status(), number);
      attempt.store = *std::move(store);
    }
    link_.be_ready(number, attempt.store.endpoint.port, attempt.store.endpoint.secret);
    const auto signal = talk(link_, signals_, {.limit = limit_}, [this] {
      return link_.start().has_value() || link_.stop().has_value();
    });
    if (signal.has_value()) return {.signal = signal};
    if (!link_.start().has_value() || link_.stop().has_value()) return {};

    job_.plan.ranks = {.first = link_.start()->first_rank, .world_size = link_.start()->world_size};
    attempt.store.endpoint.address = job_.plan.main_process_ip;
    attempt.store.endpoint.port = link_.start()->store_port;
    attempt.store.endpoint.secret = link_.start()->store_secret;
    choose_interface();
    absl::StatusOr<AttemptEnd> end =
        launcher::run_attempt(job_, std::move(attempt), *logs_, scope_);
    if (!end.ok()) return not_started(end.status(), number);
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
    const auto end = Clock::now() + restart_pause(job_.plan, attempt);
    return talk(link_, signals_, {.limit = limit_, .end = end}, is_over);
  }

  LocalEnd not_started(const absl::Status& status, int number) {
    link_.tell_not_started(std::string(status.message()), start_exit_code(status, number));
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
  const milliseconds limit_ = last_word_limit(job_.plan);
};

}  // namespace

int run_on_several_machines(Job job, JobScope& scope) {
  const std::string digest = job.program.empty() ? "" : program_digest(job.program);
  MainAddress main = look_for_main(job.plan, scope.signals);
  if (main.signal.has_value()) {
    print_to_errors(absl::StrCat("accelerate: ", signal_name(*main.signal), " received.\n"));
    return 128 + *main.signal;
  }
  absl::StatusOr<JobLink> link = JobLink::open(job.plan, digest, std::move(main.lookup));
  if (!link.ok()) return report_start(job.plan, link.status());
  const int exit_code = MachineOfSeveral(job, *link, scope).run();
  say_goodbye(*link, scope.signals, last_word_limit(job.plan));
  return exit_code;
}

}  // namespace accelerate::launcher
