// What the host has to do for a training step that was recorded and is replayed: the work on the
// device is in the graph, but optimizers count their steps, schedules advance, and `.grad` is where
// the graph writes.
//
//   SessionRecorder recorder(session);
//   graph = graphs.record(step);
//   const StepRecording recording = recorder.finish();
//   // In later calls:
//   if (recording.prepare()) graph->replay(), recording.complete();
//
// Part of the captured step; not for others. Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "accelerate/core/accumulation.h"
#include "accelerate/core/optimizer_steps.h"

namespace accelerate {

class Session;
struct ModelState;

class StepRecording {
 public:
  // Brings what the program has changed since, such as rates, to where the graph reads it. False
  // when something lies elsewhere now, as after torch::load(), and the step has to be recorded
  // anew.
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
  // Of these, those that were there when the step began, and that it adds to.
  std::vector<Gradient> added_to_;
  std::vector<const void*> addresses_;
  int64_t ended_joins_ = 0;
  // Whether the loss scale has an outcome to take note of when the step has ended.
  bool expects_outcome_ = false;
};

// Where the models' parameters and buffers lie.
std::vector<const void*> addresses_of(Session& session);

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
  // What a step changes of an optimizer and of a model.
  struct OptimizerBefore {
    std::shared_ptr<OptimizerState> optimizer;
    PendingStep pending;
    AfterClip after_clip;
  };
  struct ModelBefore {
    std::shared_ptr<ModelState> model;
    bool is_new;
  };
  void stop();

  Session& session_;
  StepRecording recording_;
  bool finished_ = false;

  // ---- As it was
  std::vector<OptimizerBefore> optimizers_;
  std::vector<ModelBefore> models_;
  std::vector<StepRecording::Gradient> gradients_;
  AccumulationWindow accumulation_;
  bool expects_outcome_ = false;
};

}  // namespace accelerate
