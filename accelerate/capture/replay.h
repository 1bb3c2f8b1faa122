// A training step of one kind of inputs, as it is recorded and then replayed.
//
//   std::unique_ptr<Replay> replay = make();
//   RecordingAttempt attempt = replay->record(recorded, inputs, call);
//   // In later calls:
//   if (!replay->prepare()) replay->replay(recorded, inputs);
//
// Part of CapturedStep; not for others. Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace accelerate {

struct RecordingAttempt {
  // Whether replays may follow; otherwise it is to be recorded again in the next call.
  bool is_ready = false;
  // Whether the call has done its work; otherwise nothing has changed.
  bool is_done = false;
  // Which inputs operators have written in place, where that is known better than by versions.
  std::vector<size_t> written = {};
  // Why there will be no replays.
  std::optional<std::string> obstacle = std::nullopt;
};

class Replay {
 public:
  virtual ~Replay() = default;

  // Runs the call as it is, as one of the warm-up.
  virtual void warm_up(const std::function<void()>& call) { call(); }
  // Records the call, which works on `recorded`, with the values of `inputs`. Throws what the call
  // throws, if it has been done.
  virtual RecordingAttempt record(const std::vector<at::Tensor>& recorded,
                                  const std::vector<at::Tensor>& inputs,
                                  const std::function<void()>& call) = 0;
  // Brings what the program has changed since to where the replay reads it. When that cannot be,
  // because something lies elsewhere now, as after torch::load(), the step has to be recorded anew,
  // and this is the reason.
  virtual std::optional<std::string> prepare() = 0;
  // With the values of `inputs` in place of those that were recorded.
  virtual void replay(const std::vector<at::Tensor>& recorded,
                      const std::vector<at::Tensor>& inputs) = 0;
};

// For each kind of inputs.
struct ReplayFactory {
  // Null where steps cannot be captured, and then the reason.
  std::function<std::unique_ptr<Replay>()> make = nullptr;
  std::string obstacle = {};
  // Whether all ranks must record in the same call, because a recording and a call as it is don't
  // meet in collectives.
  bool in_lockstep = false;
  // Whether the batches of an accumulation window, and steps within no_sync(), can be recorded,
  // each as a kind of its own.
  bool take_windows = false;
  // Whether a recording compares the step with what was recorded before.
  bool compare = false;
};

}  // namespace accelerate
