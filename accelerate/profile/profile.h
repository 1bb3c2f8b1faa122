// A scope whose training steps LibTorch's profiler records, operator by operator. Each rank writes
// a trace in Chrome's format, in which the phases and collectives of the library are named, for
// chrome://tracing, Perfetto or TensorBoard. `accelerate trace FOLDER` puts the traces of all ranks
// on one time line.
//
//   {
//     const auto profile = accelerator.profile({.wait = 1, .warmup = 1, .active = 3, .repeat = 1});
//     for (auto& batch : loader) train_on(batch);
//   }
//
// A step ends after an optimizer's step. Of other threads, such as a loader's workers, only the
// backward pass is seen. Only one profile can be open at a time. Not for the duration of a step,
// which the profiler changes: use Accelerator::report().
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace accelerate {

struct ProfileOptions {
  // Steps that are skipped once, at the start.
  int64_t skip_first = 0;
  // Then, in turn: steps that are skipped, steps that are profiled and discarded, and steps that
  // are recorded in a trace. Without `active` one trace of the whole scope is written.
  int64_t wait = 0;
  int64_t warmup = 0;
  int64_t active = 0;
  // How many rounds; 0: until the scope ends.
  int64_t repeat = 0;
  // Where `profile_RANK.json` is written, or `profile_RANK_step_N.json` if there may be several; N
  // is the first step in it. The folder is created if it does not exist.
  std::string folder = "traces";
  // What else is recorded for each operator: shapes of its inputs, memory that it allocates and
  // frees, its place in C++ (slow), an estimate of its floating-point operations.
  bool record_shapes = false;
  bool profile_memory = false;
  bool with_stack = false;
  bool with_flops = false;
  // On a GPU: writes no trace; instead operators, phases and collectives become NVTX ranges for
  // Nsight Systems (nsys profile accelerate launch ...).
  bool nvtx = false;
  // Called with the path of each trace when it has been written.
  std::function<void(const std::string&)> on_trace_ready = nullptr;
};

class Profile {
 public:
  // Throws c10::Error if another profile is open, or if the options make no sense.
  Profile(const ProfileOptions& options, int rank, c10::Device device);
  // Writes what was recorded. If a trace cannot be written, here or during the steps, there is a
  // warning.
  ~Profile();
  Profile(Profile&&) noexcept;
  Profile& operator=(Profile&&) noexcept;

  // Ends a step, for a loop in which no optimizer steps.
  void step();

 private:
  class Recorder;

  std::unique_ptr<Recorder> recorder_;
};

}  // namespace accelerate
