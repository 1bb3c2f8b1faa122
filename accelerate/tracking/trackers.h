// The trackers of a run and what it logs to them; implements the Accelerator's methods of these
// names.
//
//   Trackers trackers(communicator, process);
//   trackers.init("first", {{"lr", 0.1}}, {.folder = "runs"});
//   trackers.log({{"loss", loss}}, {.step = 12});
//   trackers.finish();
//
// All ranks may call these methods; only the main process keeps anything. If a file cannot be
// written, there is one warning until it can be written again, and the training continues. Not
// thread-safe. Not for programs, which use the Accelerator.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accelerate/comm/communicator.h"
#include "accelerate/process/process_info.h"
#include "accelerate/state/stateful.h"
#include "accelerate/tracking/tracker.h"
#include "accelerate/tracking/values.h"
#include "formats/metrics/log_position.h"

namespace accelerate {

// One of this library's trackers by name ("tensorboard", "jsonl", "csv"), or an object of your own
// class.
class TrackerChoice {
 public:
  TrackerChoice(const char* name) : name_(name) {}             // NOLINT
  TrackerChoice(std::string name) : name_(std::move(name)) {}  // NOLINT
  template <class Kind>
  TrackerChoice(std::shared_ptr<Kind> tracker)  // NOLINT
      requires std::derived_from<Kind, Tracker> : tracker_(std::move(tracker)) {}

  // Throws c10::Error if there is no tracker of the name.
  std::shared_ptr<Tracker> make() const;

 private:
  std::string name_;
  std::shared_ptr<Tracker> tracker_;
};

struct TrackingOptions {
  // The folder in which each run gets a folder of its name. Empty: none, for trackers that need no
  // files.
  std::string folder = "runs";
  // The trackers that get everything that is logged.
  std::vector<TrackerChoice> trackers = {"tensorboard", "jsonl"};
};

struct LogOptions {
  // The step of the values, such as the number of updates; never lower than in the previous call.
  // By default the next one.
  std::optional<int64_t> step = {};
  // Logs means of the numbers over all ranks; texts are an error. The call is then collective, and
  // all ranks log the same names. Otherwise the values are the main process's.
  bool mean_over_ranks = false;
};

class Trackers final : public Stateful {
 public:
  // The communicator outlives it.
  Trackers(Communicator& communicator, const ProcessInfo& process);
  // Waits for pending values and keeps them. Ends the run, unless the program ends with an
  // exception.
  ~Trackers() override;

  // Throws c10::Error if there are trackers already, if the name is not valid, or if the folder
  // cannot be written to.
  void init(const std::string& run, const RunSettings& settings, const TrackingOptions& options);
  // Each of these throws c10::Error before init().
  void log(const LogValues& values, const LogOptions& options = {});
  // Whether there are trackers; and the last step that was logged, or 0.
  bool is_begun() const { return is_begun_; }
  int64_t last_step() const { return std::max<int64_t>(logged_.step, 0); }
  // Images of shape C×H×W or N×C×H×W, as bytes or as numbers from 0 to 1. Waits for a GPU.
  void log_images(const std::string& name, const at::Tensor& images, const LogOptions& options);
  // A histogram of all numbers of a tensor. Waits for a GPU.
  void log_histogram(const std::string& name, const at::Tensor& tensor, const LogOptions& options);
  // The tracker of this name, valid until finish(). Null on all but the main process, and there,
  // too, as long as the run's folder cannot be created. Begins the run: to continue from a
  // checkpoint, load it before. Throws c10::Error if there is no tracker of the name.
  Tracker* find(std::string_view name);
  // The run's name, which may have a number appended, and its folder. Empty on all but the main
  // process. Begins the run, as find() does.
  const TrackedRun& run();
  // Waits for pending values, and makes all that was logged visible to others.
  void flush();
  // Ends the run. Does nothing if it has not begun.
  void finish();

  // ---- The state in a checkpoint: which run it is, and what it has logged; for a run that has not
  // begun, where it will continue; for one that has ended, where it ended. After a load, a run of
  // the same name continues there and removes what it logged later. save() first passes everything
  // that was logged to the trackers.
  std::string_view state_name() const override { return "trackers"; }
  // Only the main process has it.
  bool is_equal_on_all_ranks() const override { return false; }
  State save() override;
  void check(const State& state) override;
  void load(const State& state) override;

 private:
  // A call of log() whose values may still be on their way.
  struct Call;
  // Where a run continues.
  struct Place {
    std::string asked_name;
    std::string run_name;
    // When the run began, which distinguishes it from others that have had its name.
    double started_at;
    metrics::LogPosition logged;
  };

  static constexpr metrics::LogPosition kNothing = {.step = -1, .records = 0};

  // Where the current run, or else the previous one, would continue.
  std::optional<Place> place() const;
  bool goes_on() const { return resumes_at_ && resumes_at_->asked_name == asked_name_; }
  void check_begun(const char* what) const;
  // Whether a value may be logged at the step.
  bool comes_next(int64_t step) const { return step >= std::max<int64_t>(logged_.step, 0); }
  int64_t next_step(const char* what, const LogOptions& options) const;
  // Notes that this many more records were logged, at this step.
  void note_logged(int64_t step, int64_t records);
  // Gives the run its folder and starts the trackers, if that was not done yet; false if the folder
  // cannot be created for now.
  bool start();
  // Calls it, and notes that this many more records come at this step. If the folder cannot be
  // created they are lost, and the next one is of the next step all the same.
  bool begin_step(int64_t step, int64_t records);
  // Finds that folder; false as above. A run that continues gets its old folder if that still
  // exists.
  bool find_folder();
  std::string folder_of(const std::string& run) const;
  // Passes the values that have arrived to the trackers, in the order of the calls; if it waits,
  // all values.
  void keep(bool waits);
  void warn_once(bool& has_warned, const std::string& message);

  Communicator& communicator_;
  ProcessInfo process_;
  std::vector<std::shared_ptr<Tracker>> trackers_;
  bool is_begun_ = false;
  bool is_started_ = false;
  bool has_warned_of_folder_ = false;
  bool has_warned_of_images_ = false;
  bool has_warned_of_histograms_ = false;
  std::string asked_name_;
  std::string folder_;
  double started_at_ = 0;
  TrackedRun run_;
  // How far the run has logged; the step is -1 before it logs.
  metrics::LogPosition logged_ = kNothing;
  // From a checkpoint that was loaded, until the run of its name continues there.
  std::optional<Place> resumes_at_;
  // The place where the last run ended, until another one begins.
  std::optional<Place> ended_at_;
  std::deque<Call> calls_;
};

}  // namespace accelerate
