#include "accelerate/tracking/trackers.h"

#include <c10/util/Exception.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <exception>
#include <filesystem>
#include <limits>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

#include "accelerate/device/host_copy.h"
#include "accelerate/host_work/host_work.h"
#include "accelerate/tracking/logged_values.h"
#include "accelerate/tracking/rank_means.h"
#include "formats/metrics/run_folder.h"
#include "formats/metrics/wall_time.h"

namespace accelerate {
namespace {

// Each call whose values are on their way holds pinned memory.
constexpr size_t kMostCallsUnderWay = 256;

constexpr const char* kStepsRemedy =
    "; the steps of a run never go back. Use one count for all calls, such as the number of "
    "updates, and log an epoch as a value";

void check_run_name(const char* what, const std::string& name) {
  const absl::Status status = metrics::check_run_name(name);
  TORCH_CHECK(status.ok(), what, ": ", std::string(status.message()));
}

metrics::LogPosition logged_of(const State& state) {
  metrics::LogPosition logged = {.step = state.integer("step")};
  // Earlier versions did not count them.
  if (state.contains("records_of_step")) logged.records = state.integer("records_of_step");
  TORCH_CHECK(logged.step >= -1 && logged.records >= 0, "the state has logged ", logged.records,
              " records of step ", logged.step, "; take a state that was saved");
  return logged;
}

}  // namespace

struct Trackers::Call {
  bool is_there() const {
    if (means && !means->is_there()) return false;
    return std::all_of(copies.begin(), copies.end(),
                       [](const auto& copy) { return copy.second.is_there(); });
  }
  const metrics::Record& complete() {
    for (const auto& [index, copy] : copies)
      record.values[index].second = internal::number_of(copy.get());
    if (means) {
      const std::vector<double> values = means->get();
      for (size_t i = 0; i < values.size(); ++i) record.values[i].second = values[i];
    }
    return record;
  }

  metrics::Record record;
  // Of values of the record.
  std::vector<std::pair<size_t, HostCopy>> copies;
  std::optional<internal::RankMeans> means;
};

Trackers::Trackers(Communicator& communicator, const ProcessInfo& process)
    : communicator_(communicator), process_(process) {}

Trackers::~Trackers() {
  try {
    keep(/*waits=*/true);
    // A run that an exception ends has not ended well.
    if (is_started_ && std::uncaught_exceptions() == 0) finish();
  } catch (const std::exception& error) {
    // A device that has failed, say, of which the program has heard already.
    TORCH_WARN("the last values that were logged are lost: ", error.what());
  }
}

void Trackers::init(const std::string& run, const RunSettings& settings,
                    const TrackingOptions& options) {
  TORCH_CHECK(!is_begun_, "init_trackers(): the run `", asked_name_,
              "` already has its trackers; call end_training() before you begin another run");
  check_run_name("init_trackers()", run);
  std::vector<std::shared_ptr<Tracker>> trackers;
  bool needs_folder = false;
  for (const TrackerChoice& choice : options.trackers) {
    trackers.push_back(choice.make());
    const Tracker& tracker = *trackers.back();
    for (size_t i = 0; i + 1 < trackers.size(); ++i)
      TORCH_CHECK(trackers[i]->name() != tracker.name(),
                  "init_trackers(): there are two trackers called `", tracker.name(),
                  "`; remove one, or give it another name()");
    TORCH_CHECK(!tracker.needs_folder() || !options.folder.empty(),
                "init_trackers(): the tracker `", tracker.name(),
                "` needs a folder; name one, as in {.folder = \"runs\"}");
    needs_folder = needs_folder || tracker.needs_folder();
  }
  if (process_.is_main() && needs_folder) {
    // Later on a folder that cannot be written to is no reason to end the training.
    std::error_code error;
    std::filesystem::create_directories(options.folder, error);
    if (!error && ::access(options.folder.c_str(), W_OK | X_OK) != 0)
      error = std::error_code(errno, std::generic_category());
    TORCH_CHECK(!error, "init_trackers(): the folder ", options.folder,
                " cannot be written to: ", error.message(), "; name another one");
  }
  trackers_ = std::move(trackers);
  folder_ = needs_folder ? options.folder : "";
  asked_name_ = run;
  started_at_ = metrics::wall_time();
  run_ = {.settings = settings};
  logged_ = goes_on() ? resumes_at_->logged : kNothing;
  ended_at_.reset();
  is_begun_ = true;
  is_started_ = false;
  has_warned_of_folder_ = has_warned_of_images_ = has_warned_of_histograms_ = false;
}

void Trackers::check_begun(const char* what) const {
  TORCH_CHECK(is_begun_, what, ": there are no trackers; call init_trackers() first");
}

int64_t Trackers::next_step(const char* what, const LogOptions& options) const {
  constexpr int64_t kLast = std::numeric_limits<int64_t>::max();
  const int64_t step = options.step.value_or(logged_.step == kLast ? kLast : logged_.step + 1);
  TORCH_CHECK(comes_next(step), what, ": step ", step, " comes after step ", logged_.step,
              kStepsRemedy);
  return step;
}

void Trackers::note_logged(int64_t step, int64_t records) {
  if (step != logged_.step) logged_ = {.step = step, .records = 0};
  // All of the step, where a checkpoint did not count them.
  if (logged_.records < metrics::LogPosition::kAll) logged_.records += records;
}

std::string Trackers::folder_of(const std::string& run) const {
  return folder_.empty() ? "" : folder_ + "/" + run;
}

// Note [Late start]
// Whether a run is a new one or goes on is known when a checkpoint was loaded, or when the first
// value is logged without one. So a run gets its folder then, and not in init(): programs load
// after init_trackers() as well as before.
bool Trackers::start() {
  if (is_started_) return true;
  if (!find_folder()) return false;
  is_started_ = true;
  for (const auto& tracker : trackers_) {
    tracker->start(run_);
    if (goes_on()) tracker->rewind(resumes_at_->logged);
  }
  if (goes_on()) resumes_at_.reset();
  return true;
}

bool Trackers::begin_step(int64_t step, int64_t records) {
  const bool is_kept = start();
  note_logged(step, is_kept ? records : 0);
  return is_kept;
}

bool Trackers::find_folder() {
  run_.name = goes_on() ? resumes_at_->run_name : asked_name_;
  run_.folder = folder_of(run_.name);
  if (goes_on()) started_at_ = resumes_at_->started_at;
  if (folder_.empty()) return true;
  metrics::RunConfig config = {
      .name = run_.name, .started_at = started_at_, .values = internal::json_of(run_.settings)};
  if (goes_on()) {
    const auto found = metrics::read_run_config(run_.folder + "/" + metrics::kConfigFile);
    if (found.ok() && found->started_at == started_at_) return true;
    if (!absl::IsNotFound(found.status())) {
      // Another run has its name by now.
      config.name = asked_name_;
      config.started_at = started_at_ = metrics::wall_time();
    }
  }
  const auto name = metrics::claim_run(folder_, config);
  if (!name.ok()) {
    TORCH_CHECK(!absl::IsInvalidArgument(name.status()),
                "init_trackers(): ", std::string(name.status().message()));
    warn_once(has_warned_of_folder_,
              std::string(name.status().message()) +
                  " The training continues; until then, values that it logs are lost");
    return false;
  }
  has_warned_of_folder_ = false;
  logged_.records = 0;  // In this folder.
  if (goes_on() && *name != run_.name)
    TORCH_WARN("the folder ", run_.folder,
               " does not belong to the run of the checkpoint: another run has taken the name, or "
               "the folder was removed meanwhile; the run continues in ",
               folder_of(*name));
  run_.name = *name;
  run_.folder = folder_of(*name);
  return true;
}

void Trackers::warn_once(bool& has_warned, const std::string& message) {
  if (!std::exchange(has_warned, true)) TORCH_WARN(message);
}

void Trackers::log(const LogValues& values, const LogOptions& options) {
  check_begun("log()");
  refuse_recording("what is logged");
  if (options.mean_over_ranks) internal::check_has_means(values);
  const bool averages = options.mean_over_ranks && communicator_.size() > 1;
  if (!process_.is_main() && !averages) return;
  internal::check_names(values);
  Call call;
  if (averages) {
    std::vector<std::string> names;
    std::vector<internal::RankMeans::Number> numbers;
    for (const auto& [name, value] : values) {
      names.push_back(name);
      std::visit(
          [&, &name = name](const auto& each) {
            using Kind = std::decay_t<decltype(each)>;
            if constexpr (std::is_same_v<Kind, at::Tensor>) {
              internal::check_is_number(name, each);
              numbers.emplace_back(each);
            } else if constexpr (!std::is_same_v<Kind, std::string>) {
              numbers.emplace_back(static_cast<double>(each));
            }
          },
          value.get());
      call.record.values.emplace_back(name, 0.0);
    }
    const bool refuses = process_.is_main() && options.step && !comes_next(*options.step);
    call.means.emplace(communicator_, process_.device, names, numbers, refuses);
    if (!process_.is_main()) {
      TORCH_CHECK(!call.means->is_refused(),
                  "log(): the main process has logged a later step than ", options.step.value_or(0),
                  kStepsRemedy);
      return;
    }
  } else {
    for (const auto& [name, value] : values) {
      std::visit(
          [&, &name = name](const auto& each) {
            if constexpr (std::is_same_v<std::decay_t<decltype(each)>, at::Tensor>) {
              internal::check_is_number(name, each);
              const bool is_here = each.is_cpu();
              if (!is_here) call.copies.emplace_back(call.record.values.size(), HostCopy(each));
              call.record.values.emplace_back(name, is_here ? internal::number_of(each) : 0.0);
            } else {
              call.record.values.emplace_back(name, each);
            }
          },
          value.get());
    }
  }
  call.record.step = next_step("log()", options);
  call.record.time = metrics::wall_time();
  if (!begin_step(call.record.step, /*records=*/1)) return;
  calls_.push_back(std::move(call));
  keep(/*waits=*/false);
}

void Trackers::keep(bool waits) {
  while (!calls_.empty()) {
    if (!waits && calls_.size() <= kMostCallsUnderWay && !calls_.front().is_there()) return;
    Call call = std::move(calls_.front());
    calls_.pop_front();
    const metrics::Record& record = call.complete();
    for (const auto& tracker : trackers_) tracker->log(record);
  }
}

void Trackers::log_images(const std::string& name, const at::Tensor& images,
                          const LogOptions& options) {
  check_begun("log_images()");
  refuse_recording("images that are logged");
  if (!process_.is_main()) return;
  internal::check_name(name);
  const at::Tensor all = images.dim() == 3 ? images.unsqueeze(0) : images;
  const bool has_form = all.dim() == 4 && all.numel() > 0 &&
                        (all.size(1) == 1 || all.size(1) == 3 || all.size(1) == 4) &&
                        (all.is_floating_point() || all.scalar_type() == at::kByte);
  TORCH_CHECK(
      has_form, "log_images(): `", name, "` is ", images.scalar_type(), " of the sizes ",
      images.sizes(),
      "; images are C×H×W or N×C×H×W with 1, 3 or 4 channels, bytes or numbers from 0 to 1");
  const int64_t step = next_step("log_images()", options);
  if (!begin_step(step, /*records=*/0)) return;
  keep(/*waits=*/true);
  const at::Tensor host = all.detach().cpu();
  bool is_kept = false;
  for (int64_t i = 0; i < host.size(0); ++i) {
    const at::Tensor pixels = internal::pixels_of(host[i]);
    const LoggedImage image = {
        .width = pixels.size(1),
        .height = pixels.size(0),
        .channels = pixels.size(2),
        .pixels = {static_cast<const char*>(pixels.const_data_ptr()), pixels.nbytes()}};
    const std::string tag = host.size(0) == 1 ? name : c10::str(name, "/", i);
    for (const auto& tracker : trackers_) is_kept |= tracker->log_image(tag, step, image);
  }
  if (!is_kept)
    warn_once(has_warned_of_images_,
              "log_images(): none of the trackers keeps images; \"tensorboard\" does");
}

void Trackers::log_histogram(const std::string& name, const at::Tensor& tensor,
                             const LogOptions& options) {
  check_begun("log_histogram()");
  refuse_recording("a histogram that is logged");
  if (!process_.is_main()) return;
  internal::check_name(name);
  TORCH_CHECK(tensor.defined() && !tensor.is_complex(), "log_histogram(): `", name,
              "` is not a tensor of real numbers; pass one");
  const int64_t step = next_step("log_histogram()", options);
  if (!begin_step(step, /*records=*/0)) return;
  keep(/*waits=*/true);
  const at::Tensor values = tensor.detach().to(at::kCPU, at::kDouble).contiguous();
  bool is_kept = false;
  for (const auto& tracker : trackers_)
    is_kept |= tracker->log_histogram(
        name, step, {values.const_data_ptr<double>(), static_cast<size_t>(values.numel())});
  if (!is_kept)
    warn_once(has_warned_of_histograms_,
              "log_histogram(): none of the trackers keeps histograms; \"tensorboard\" does");
}

Tracker* Trackers::find(std::string_view name) {
  check_begun("get_tracker()");
  for (const auto& tracker : trackers_) {
    if (tracker->name() != name) continue;
    // Who speaks to a tracker itself finds it started.
    return process_.is_main() && start() ? tracker.get() : nullptr;
  }
  std::string names;
  for (const auto& tracker : trackers_)
    names += c10::str(names.empty() ? "" : ", ", tracker->name());
  TORCH_CHECK(false, "get_tracker(): there is no tracker `", name, "` among those of this run (",
              names, "); name one of them");
}

const TrackedRun& Trackers::run() {
  check_begun("the run's folder");
  if (process_.is_main()) start();
  return run_;
}

void Trackers::flush() {
  if (!is_started_) return;
  keep(/*waits=*/true);
  for (const auto& tracker : trackers_) tracker->flush();
}

void Trackers::finish() {
  if (!is_begun_) return;
  if (process_.is_main() && start()) {
    flush();
    for (const auto& tracker : trackers_) tracker->finish();
  }
  ended_at_ = place();
  // What was loaded may be of another run, which begins yet.
  if (goes_on()) resumes_at_.reset();
  is_begun_ = is_started_ = false;
  trackers_.clear();
}

std::optional<Trackers::Place> Trackers::place() const {
  if (is_started_) return Place{asked_name_, run_.name, started_at_, logged_};
  if (!is_begun_ && ended_at_) return ended_at_;
  return !is_begun_ || goes_on() ? resumes_at_ : std::nullopt;
}

State Trackers::save() {
  // A process that goes on from the checkpoint doesn't log again what comes before it.
  keep(/*waits=*/true);
  State state;
  if (const auto at = place()) {
    state.set("asked_name", at->asked_name);
    state.set("run_name", at->run_name);
    state.set("started_at", at->started_at);
    state.set("step", at->logged.step);
    state.set("records_of_step", at->logged.records);
  }
  return state;
}

void Trackers::check(const State& state) {
  if (!process_.is_main() || !state.contains("step")) return;
  check_run_name("the checkpoint's trackers", state.text("asked_name"));
  check_run_name("the checkpoint's trackers", state.text("run_name"));
  TORCH_CHECK(std::isfinite(state.number("started_at")), "`started_at` of the trackers' state is ",
              state.number("started_at"), "; take a state that was saved");
  logged_of(state);
}

void Trackers::load(const State& state) {
  if (!process_.is_main() || !state.contains("step")) return;
  check(state);
  resumes_at_ = {.asked_name = state.text("asked_name"),
                 .run_name = state.text("run_name"),
                 .started_at = state.number("started_at"),
                 .logged = logged_of(state)};
  ended_at_.reset();
  if (!is_begun_ || !goes_on()) return;
  if (is_started_) {
    flush();
    for (const auto& tracker : trackers_) tracker->finish();
    is_started_ = false;
  }
  logged_ = resumes_at_->logged;
}

}  // namespace accelerate
