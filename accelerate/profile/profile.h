// A scope whose training steps are written down by LibTorch's own profiler, operator by operator:
// a trace in Chrome's format for each rank, with the phases and collectives of the library named,
// for chrome://tracing, Perfetto or TensorBoard. `accelerate trace FOLDER` puts those of all ranks
// on one time line.
//
//   {
//     const auto profile = accelerator.profile({.wait = 1, .warmup = 1, .active = 3, .repeat = 1});
//     for (auto& batch : loader) train_on(batch);
//   }
//
// A step ends after an optimizer's step. Of what runs in other threads, such as a loader's workers,
// only the backward pass is seen. One profile at a time. Not for how long a step takes, which the
// profiler changes: Accelerator::report() says that.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace accelerate {

struct ProfileOptions {
  // Steps that are left out once, before all.
  int64_t skip_first = 0;
  // Then, again and again: steps that are left out, steps in which the profiler runs and its
  // figures are thrown away, and steps of which a trace is written. Without `active` one trace is
  // written, of the whole scope.
  int64_t wait = 0;
  int64_t warmup = 0;
  int64_t active = 0;
  // How often; 0 for as long as the scope lasts.
  int64_t repeat = 0;
  // Where `profile_RANK.json` is written, or `profile_RANK_step_N.json` where there may be several,
  // by the first step in it. It is made where it is not there.
  std::string folder = "traces";
  // What is noted of each operator besides its time: shapes of its inputs, memory that it takes and
  // gives back, its place in C++ (slow), an estimate of its operations.
  bool record_shapes = false;
  bool profile_memory = false;
  bool with_stack = false;
  bool with_flops = false;
  // On a GPU: no trace is written, but operators, phases and collectives become NVTX ranges, for
  // Nsight Systems to see (nsys profile accelerate launch ...).
  bool nvtx = false;
  // Called with the path of each trace when it is written.
  std::function<void(const std::string&)> on_trace_ready = nullptr;
};

class Profile {
 public:
  // Throws c10::Error where another profile is open, or where the options make no sense.
  Profile(const ProfileOptions& options, int rank, c10::Device device);
  // Writes what is being recorded. A trace that cannot be written is a warning, here and in a
  // training's steps.
  ~Profile();
  Profile(Profile&&) noexcept;
  Profile& operator=(Profile&&) noexcept;

  // For a loop in which no optimizer steps: here a step ends.
  void step();

 private:
  class Recorder;

  std::unique_ptr<Recorder> recorder_;
};

}  // namespace accelerate
