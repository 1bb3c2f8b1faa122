// The trackers of a run, and what it logs to them: what the Accelerator's methods of these names
// do.
//
//   Trackers trackers(communicator, process);
//   trackers.init("first", {{"lr", 0.1}}, {.folder = "runs"});
//   trackers.log({{"loss", loss}}, {.step = 12});
//   trackers.finish();
//
// All ranks may call; only the main process keeps anything. Files that cannot be written are warned
// of once until they can be again, and the training goes on. Not thread-safe. Not for programs,
// which use the Accelerator.
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

// One of the trackers of this library by its name ("tensorboard", "jsonl", "csv"), or an object of
// a class of the program's.
class TrackerChoice {
 public:
  TrackerChoice(const char* name) : name_(name) {}             // NOLINT
  TrackerChoice(std::string name) : name_(std::move(name)) {}  // NOLINT
  template <class Kind>
  TrackerChoice(std::shared_ptr<Kind> tracker)  // NOLINT
      requires std::derived_from<Kind, Tracker> : tracker_(std::move(tracker)) {}

  // Throws c10::Error where there is none of the name.
  std::shared_ptr<Tracker> make() const;

 private:
  std::string name_;
  std::shared_ptr<Tracker> tracker_;
};

struct TrackingOptions {
  // Where each run gets a folder of its name. Empty: none, for trackers that need none.
  std::string folder = "runs";
  // Those that log() feeds, all of them.
  std::vector<TrackerChoice> trackers = {"tensorboard", "jsonl"};
};

struct LogOptions {
  // Which the values are of, such as the number of updates; never less than in the call before.
  // Without one, the next after that.
  std::optional<int64_t> step = {};
  // Logs the means of the numbers over all ranks, with no texts among them. The call is collective
  // then, and all ranks log the same names; otherwise the values are the main process's.
  bool mean_over_ranks = false;
};

class Trackers final : public Stateful {
 public:
  // The communicator outlives it.
  Trackers(Communicator& communicator, const ProcessInfo& process);
  // Waits for values that are on their way, and keeps them. Ends the run, unless an exception is
  // what ends the program.
  ~Trackers() override;

  // Throws c10::Error where trackers are there already, where the run cannot have this name, or
  // where the folder cannot be written to.
  void init(const std::string& run, const RunSettings& settings, const TrackingOptions& options);
  // Each of these throws c10::Error before init().
  void log(const LogValues& values, const LogOptions& options = {});
  // Whether there are trackers; and the last step that was logged, or else the first one.
  bool is_begun() const { return is_begun_; }
  int64_t last_step() const { return std::max<int64_t>(logged_.step, 0); }
  // Of the shape C×H×W or N×C×H×W, bytes, or numbers from 0 to 1. Waits for a GPU.
  void log_images(const std::string& name, const at::Tensor& images, const LogOptions& options);
  // Of all numbers of a tensor. Waits for a GPU.
  void log_histogram(const std::string& name, const at::Tensor& tensor, const LogOptions& options);
  // There until finish(). Null on all but the main process, and there as long as the run's folder
  // cannot be made. Begins the run: what is to go on from a checkpoint loads that before. Throws
  // c10::Error where there is none of the name.
  Tracker* find(std::string_view name);
  // The run's name, which may have got a number; and its folder. Empty on all but the main process.
  // Begins the run, as find() does.
  const TrackedRun& run();
  // Waits for values that are on their way, and has the trackers keep them where others find them.
  void flush();
  // Ends the run. Nothing where it was not begun.
  void finish();

  // ---- What a checkpoint holds of it: which run it is, and how far it has come; of a run that has
  // not begun yet, where it will go on; of one that has ended, where that was. When that is loaded,
  // a run of the same name goes on there, and takes back what it logged after it. The trackers
  // have all that was logged before save() then.
  std::string_view state_name() const override { return "trackers"; }
  // Only the main process knows.
  bool is_equal_on_all_ranks() const override { return false; }
  State save() override;
  void check(const State& state) override;
  void load(const State& state) override;

 private:
  // A call of log() whose values may be on their way.
  struct Call;
  // From where a run goes on.
  struct Place {
    std::string asked_name;
    std::string run_name;
    // When the run began, which tells it from others that have had its name.
    double started_at;
    metrics::LogPosition logged;
  };

  static constexpr metrics::LogPosition kNothing = {.step = -1, .records = 0};

  // From where the run of now, or else the one before, would go on.
  std::optional<Place> place() const;
  bool goes_on() const { return resumes_at_ && resumes_at_->asked_name == asked_name_; }
  void check_begun(const char* what) const;
  // Whether a value may be logged at the step.
  bool comes_next(int64_t step) const { return step >= std::max<int64_t>(logged_.step, 0); }
  int64_t next_step(const char* what, const LogOptions& options) const;
  // Notes that there are so many records more, of this step.
  void note_logged(int64_t step, int64_t records);
  // Gives the run its folder and starts the trackers, where that was not done yet; false where the
  // folder cannot be made for now.
  bool start();
  // Which folder that is; false as above. Of a run that goes on its own, where it is still there.
  bool find_folder();
  std::string folder_of(const std::string& run) const;
  // Keeps what is there, in the order of the calls; all when it waits.
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
  // Up to where the run has logged; the step is -1 before.
  metrics::LogPosition logged_ = kNothing;
  // Of a checkpoint that was loaded, until the run of its name goes on there.
  std::optional<Place> resumes_at_;
  // Of the run that has ended, until another one begins.
  std::optional<Place> ended_at_;
  std::deque<Call> calls_;
};

}  // namespace accelerate
