// The part of a captured step that does not depend on its types: which calls run as they are, which
// is recorded, and which are replays of a recording.
//
// Part of CapturedStep; not for others. Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "accelerate/core/step_replay.h"

namespace accelerate {

struct CaptureOptions {
  // Calls that run as they are before one is recorded, and set up what a first run sets up. They
  // are steps like all others. One is enough for each further kind of inputs.
  int warm_up_steps = 3;
  // For how many kinds of inputs, by their shapes, a recording is kept; calls with others run as
  // they are. On several GPUs it is one, so that no rank records while others do not.
  int max_recordings = 8;
};

class StepCapture {
 public:
  // What belongs to one kind of inputs.
  struct Entry {
    int runs = 0;
    std::unique_ptr<StepReplay> replay;
    bool is_ready = false;
    // How often in a row it was recorded anew.
    int moves = 0;
    // The inputs and the result of the recording, in the types of the step.
    std::shared_ptr<void> kept;
  };

  // Graphs on a GPU, tapes on the CPU.
  static std::shared_ptr<StepCapture> make(std::shared_ptr<Session> session,
                                           const CaptureOptions& options);
  StepCapture(std::shared_ptr<Session> session, const CaptureOptions& options, StepReplays replays);

  // For inputs of these types and tensors; null when the call is to run as it is. When all further
  // ones are, too, the reason is told.
  Entry* find(const std::string& types, const std::vector<at::Tensor>& inputs);
  // Whether the call is a replay, or is to be recorded as `must_record` says.
  bool is_replay(Entry& entry);
  bool must_record(const Entry& entry) const { return !entry.is_ready; }

  // Runs the call as it is, as one of the warm-up.
  void warm_up(Entry& entry, const std::function<void()>& call);
  // Records the call, which works on these inputs. After an obstacle all further calls run as they
  // are. On GPUs collective, as the call itself.
  RecordingAttempt record(Entry& entry, const std::vector<at::Tensor>& inputs,
                          const std::function<void()>& call);
  // With the values of `inputs` in the tensors that were recorded.
  void replay(Entry& entry, const std::vector<at::Tensor>& recorded,
              const std::vector<at::Tensor>& inputs);

  // Why calls run as they are; none while they are captured.
  const std::optional<std::string>& refusal() const { return refusal_; }

 private:
  bool may_record() const;

  std::shared_ptr<Session> session_;
  CaptureOptions options_;
  StepReplays replays_;
  std::optional<std::string> refusal_;
  bool told_ = false;
  int calls_ = 0;
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace accelerate
