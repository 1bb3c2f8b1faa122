// A training step for one kind of inputs, which is recorded and then replayed.
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
  // Whether replays may follow. Otherwise the next call must record the step again.
  bool is_ready = false;
  // Whether the call has done its work; otherwise nothing has changed.
  bool is_done = false;
  // Which inputs operators have written in place, if the recording knows more than the versions of
  // the tensors tell.
  std::vector<size_t> written = {};
  // Why there will be no replays.
  std::optional<std::string> obstacle = std::nullopt;
};

class Replay {
 public:
  virtual ~Replay() = default;

  // Runs the call normally, as part of the warm-up.
  virtual void warm_up(const std::function<void()>& call) { call(); }
  // Records the call, which uses `recorded` with the values of `inputs`. Throws what the call
  // throws, unless the recording undoes the call.
  virtual RecordingAttempt record(const std::vector<at::Tensor>& recorded,
                                  const std::vector<at::Tensor>& inputs,
                                  const std::function<void()>& call) = 0;
  // Puts what the program has changed since then where the replay reads it. If that is impossible
  // because something has moved, as after torch::load(), the step must be recorded again, and this
  // returns the reason.
  virtual std::optional<std::string> prepare() = 0;
  // Replays the step with the values of `inputs` instead of those that were recorded.
  virtual void replay(const std::vector<at::Tensor>& recorded,
                      const std::vector<at::Tensor>& inputs) = 0;
};

// Makes a replay for each kind of inputs.
struct ReplayFactory {
  // Null if steps cannot be captured; `obstacle` is then the reason.
  std::function<std::unique_ptr<Replay>()> make = nullptr;
  std::string obstacle = {};
  // Whether all ranks must record in the same call, because a call that is recorded and a normal
  // call do not meet in collectives.
  bool in_lockstep = false;
  // Whether the batches of an accumulation window, and steps within no_sync(), can be recorded,
  // each as a separate kind.
  bool take_windows = false;
  // Whether each recording compares the step with the previous recording.
  bool compare = false;
};

}  // namespace accelerate
