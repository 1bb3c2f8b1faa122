#include "accelerate/profile/profile.h"

#include <ATen/record_function.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/profiler_kineto.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <system_error>
#include <vector>

#include "accelerate/phases/phases.h"
#include "accelerate/profile/profile_schedule.h"
#include "launcher/posix/signals_of_writes.h"

namespace accelerate {
namespace {

using internal::action_of;
using internal::ProfileAction;
namespace profiler = torch::autograd::profiler;
using State = torch::profiler::impl::ProfilerState;

// Of this process, as LibTorch has one profiler.
bool& is_open() {
  static bool open = false;
  return open;
}

void check(const ProfileOptions& options) {
  for (const auto& [name, value] :
       {std::pair{"skip_first", options.skip_first}, std::pair{"wait", options.wait},
        std::pair{"warmup", options.warmup}, std::pair{"active", options.active},
        std::pair{"repeat", options.repeat}})
    TORCH_CHECK(value >= 0, "profile(): ", name, " is ", value, "; give 0 or more");
  TORCH_CHECK(options.active > 0 || (options.skip_first == 0 && options.wait == 0 &&
                                     options.warmup == 0 && options.repeat == 0),
              "profile(): there are steps to skip, but none to record; set `active`, the number of "
              "steps to record");
  TORCH_CHECK(!options.folder.empty(),
              "profile(): the folder has no name; give it one, such as \"traces\"");
  TORCH_CHECK(!is_open(),
              "profile(): another profile is open, and LibTorch has only one profiler; end its "
              "scope first");
}

// Whether a JSON document ends there.
bool is_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  file.seekg(-64, std::ios::end);
  if (!file) {
    file.clear();
    file.seekg(0);
  }
  const std::string end{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const size_t last = end.find_last_not_of(" \n\r\t");
  return last != std::string::npos && end[last] == '}';
}

}  // namespace

class Profile::Recorder final : public PhaseListener {
 public:
  Recorder(const ProfileOptions& options, int rank, c10::Device device)
      : options_(options),
        rank_(rank),
        config_(options.nvtx ? State::NVTX : State::KINETO, options.record_shapes,
                options.profile_memory, options.with_stack, options.with_flops) {
    activities_.insert(torch::profiler::impl::ActivityType::CPU);
    if (device.is_cuda()) activities_.insert(torch::profiler::impl::ActivityType::CUDA);
    TORCH_CHECK(!options.nvtx || device.is_cuda(),
                "profile(): NVTX ranges need a GPU, and this program does not run on one; omit "
                ".nvtx to get a trace");
    std::error_code error;
    if (!options.nvtx) {
      std::filesystem::create_directories(options.folder, error);
      if (!error && access(options.folder.c_str(), W_OK) != 0)
        error = std::error_code(errno, std::generic_category());
    }
    TORCH_CHECK(!error, "profile(): cannot write to ", options.folder, ": ", error.message(),
                "; name a folder that can be written to");
    // Which fails where the program runs LibTorch's profiler by itself.
    begin_step();
    is_open() = true;
    Phases::add(*this);
  }
  ~Recorder() override {
    Phases::remove(*this);
    if (is_recording_) save();
    if (is_warm_) discard();
    is_open() = false;
  }
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  void enter(Phase phase) override { ranges_.push_back(range(to_string(phase))); }
  void leave(Phase /*outside*/) override {
    // It may have been entered before this came.
    if (!ranges_.empty()) ranges_.pop_back();
  }
  void end_step(int64_t /*samples*/) override { next_step(); }

  void next_step() {
    step_range_.reset();
    if (action_of(options_, step_) == ProfileAction::kRecordAndSave) save();
    ++step_;
    begin_step();
  }

 private:
  void begin_step() {
    switch (action_of(options_, step_)) {
      case ProfileAction::kNone:
        return;
      case ProfileAction::kWarmUp:
        warm_up();
        return;
      case ProfileAction::kRecord:
      case ProfileAction::kRecordAndSave:
        warm_up();
        record();
    }
    // As Python's profiler calls it, by which TensorBoard finds the steps.
    step_range_ = range("ProfilerStep#" + std::to_string(step_));
  }

  void warm_up() {
    if (is_warm_ || is_recording_) return;
    profiler::prepareProfiler(config_, activities_);
    is_warm_ = true;
  }

  void record() {
    if (is_recording_) return;
    profiler::enableProfiler(config_, activities_);
    is_warm_ = false;
    is_recording_ = true;
    first_step_ = step_;
  }

  // A profiler that was prepared has to run before it can end.
  void discard() {
    profiler::enableProfiler(config_, activities_);
    profiler::disableProfiler();
    is_warm_ = false;
  }

  // A full disk costs the trace, and not the training.
  void save() {
    end_ranges();
    is_recording_ = false;
    const launcher::SignalsOfWrites guard;
    const auto result = profiler::disableProfiler();
    if (options_.nvtx) return;
    std::string path = options_.folder + "/profile_" + std::to_string(rank_);
    if (options_.active > 0) path += "_step_" + std::to_string(first_step_);
    path += ".json";
    const std::string unfinished = path + ".part";
    // What newer profilers write to before they rename it.
    const std::string aside = unfinished + ".tmp";
    std::error_code error;
    // A link that somebody else has left there would be followed.
    for (const std::string& each : {unfinished, aside}) std::filesystem::remove(each, error);
    result->save(unfinished);
    bool is_written = is_whole(unfinished);
    if (is_written) {
      std::filesystem::rename(unfinished, path, error);
      is_written = !error;
    }
    if (!is_written) {
      std::filesystem::remove(unfinished, error);
      std::filesystem::remove(aside, error);
      TORCH_WARN(
          "profile(): the trace ", path,
          " could not be written; check that the folder can be written to and has room. A LibTorch "
          "that was built without Kineto has no profiler; use one from pytorch.org");
      return;
    }
    // The last trace is saved by a destructor, which cannot throw.
    try {
      if (options_.on_trace_ready) options_.on_trace_ready(path);
    } catch (const std::exception& error) {
      TORCH_WARN("profile(): on_trace_ready failed for ", path, ": ", error.what());
    }
  }

  std::unique_ptr<at::RecordFunction> range(const std::string& name) const {
    if (!is_recording_) return nullptr;
    auto result = std::make_unique<at::RecordFunction>(at::RecordScope::USER_SCOPE);
    if (result->isActive()) result->before(name);
    return result;
  }
  // Ranges end in the profiler that they began in.
  void end_ranges() {
    for (auto each = ranges_.rbegin(); each != ranges_.rend(); ++each) each->reset();
    step_range_.reset();
  }

  ProfileOptions options_;
  int rank_;
  torch::profiler::impl::ProfilerConfig config_;
  std::set<torch::profiler::impl::ActivityType> activities_;
  int64_t step_ = 0;
  int64_t first_step_ = 0;
  bool is_warm_ = false;
  bool is_recording_ = false;
  std::unique_ptr<at::RecordFunction> step_range_;
  // Of the phases that the thread is in, the outermost first; null of those that were entered when
  // nothing was recorded.
  std::vector<std::unique_ptr<at::RecordFunction>> ranges_;
};

Profile::Profile(const ProfileOptions& options, int rank, c10::Device device) {
  check(options);
  recorder_ = std::make_unique<Recorder>(options, rank, device);
}

Profile::Profile(Profile&&) noexcept = default;
Profile& Profile::operator=(Profile&&) noexcept = default;
Profile::~Profile() = default;

void Profile::step() { recorder_->next_step(); }

}  // namespace accelerate
