// What the host has to do for a training step that was recorded and is replayed: the work on the
// device is in the graph, but optimizers count their steps, schedules advance, and `.grad` is where
// the graph writes.
//
//   SessionRecorder recorder(session);
//   graph = graphs.record(step);
//   const StepRecording recording = recorder.finish();
//   ...
//   if (recording.prepare()) graph->replay(), recording.complete();
//
// Part of the captured step; not for others. Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <vector>

#include "accelerate/core/accumulation.h"
#include "accelerate/core/optimizer_steps.h"

namespace accelerate {

class Session;

class StepRecording {
 public:
  // Brings what the program has changed since, such as rates, to where the graph reads it. False
  // when something lies elsewhere now, and the step has to be recorded anew.
  bool prepare() const;
  // After each replay.
  void complete() const;

 private:
  friend class SessionRecorder;
  struct Gradient {
    at::Tensor parameter;
    at::Tensor gradient;
  };

  Session* session_ = nullptr;
  std::vector<RecordedStep> steps_;
  std::vector<std::function<void()>> actions_;
  // As they are when the step has ended; kept, because the graph writes them.
  std::vector<Gradient> gradients_;
};

// A scope in which the session's steps are recorded. Unless it is finished, everything is
// afterwards as it was before.
class SessionRecorder {
 public:
  explicit SessionRecorder(Session& session);
  ~SessionRecorder();
  SessionRecorder(const SessionRecorder&) = delete;
  SessionRecorder& operator=(const SessionRecorder&) = delete;

  // What was recorded, which the device has not done yet.
  StepRecording finish();

 private:
  struct Before {
    std::shared_ptr<OptimizerState> optimizer;
    bool begun;
    bool unscaled;
    bool awaits_step;
  };
  void stop();

  Session& session_;
  StepRecording recording_;
  bool finished_ = false;

  // ---- As it was
  std::vector<Before> optimizers_;
  std::vector<StepRecording::Gradient> gradients_;
  AccumulationWindow accumulation_;
  bool expects_outcome_ = false;
};

}  // namespace accelerate
