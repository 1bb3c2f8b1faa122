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

#include "accelerate/capture/dropout_rates.h"
#include "accelerate/capture/replay.h"
#include "accelerate/capture/step_arguments.h"

namespace torch::nn {
class Module;
}

namespace accelerate {

class Session;

struct CaptureOptions {
  // Calls that run as they are before one is recorded, and set up what a first run sets up. They
  // are steps like all others. One is enough for each further kind of inputs.
  int warm_up_steps = 3;
  // For how many kinds of inputs, by their shapes, a recording is kept; calls with others run as
  // they are. On several GPUs it is one, so that no rank records while others do not.
  int max_recordings = 8;
  // On the CPU: after so many replays of a kind, and after each further fourfold of them, a call
  // runs as it is, is recorded once more and compared. What differs, such as the rate of an
  // optimizer that was not prepared, is an error that names it, because calls since the last
  // comparison may have done what was recorded. 0 for never.
  int64_t compare_after = 16;
  // Modules that the step uses though they were not prepared: their eval() and frozen parameters
  // tell one kind of calls from another, as those of prepared models do, and other rates of
  // dropout or other memory of parameters and buffers make it be recorded anew.
  std::vector<std::shared_ptr<torch::nn::Module>> modules = {};
};

class StepKinds {
 public:
  // What belongs to one kind of inputs.
  struct Kind {
    int runs = 0;
    std::unique_ptr<Replay> replay;
    bool is_ready = false;
    // How often in a row it was recorded anew after a few replays.
    int moves = 0;
    int64_t replays = 0;
    // Of the replays: when it is to be recorded once more and compared.
    int64_t compare_at = 0;
    // Which inputs it writes in place.
    std::vector<size_t> written = {};
    // What calls return besides tensors.
    std::optional<std::string> returned = std::nullopt;
    // What it has taken over from modules.
    DropoutRates rates = {};
    std::vector<const void*> addresses = {};
    // The inputs and the result of the recording, in the types of the step.
    std::shared_ptr<void> kept;
  };

  // Graphs on a GPU, tapes on the CPU.
  static std::shared_ptr<StepKinds> make(std::shared_ptr<Session> session,
                                         const CaptureOptions& options);
  StepKinds(std::shared_ptr<Session> session, const CaptureOptions& options, ReplayFactory replays);

  // Null when the call is to run as it is. When all further ones are, too, the reason is told.
  Kind* find(const StepArguments& arguments);
  // Whether the call is a replay, or is to be recorded as `must_record` says.
  bool is_replay(Kind& kind);
  bool must_record(const Kind& kind) const;

  // Runs the call as it is, as one of the warm-up.
  void warm_up(Kind& kind, const std::vector<at::Tensor>& inputs,
               const std::function<void()>& call);
  // Records the call, which works on `recorded`, with the values of `inputs`. After an obstacle all
  // further calls run as they are. On GPUs collective, as the call itself. Throws c10::Error when
  // the call does something else than what replays have done.
  RecordingAttempt record(Kind& kind, const std::vector<at::Tensor>& recorded,
                          const std::vector<at::Tensor>& inputs, const std::function<void()>& call);
  // With the values of `inputs` in the tensors that were recorded.
  void replay(Kind& kind, const std::vector<at::Tensor>& recorded,
              const std::vector<at::Tensor>& inputs);

  // What a call that was no replay has returned: further ones return the same but for tensors.
  // Throws c10::Error when replays have returned something else than the call.
  void note_result(Kind& kind, const StepArguments& result);

  // A copy that lies in memory as the tensor does, so that operators add up in the same order.
  static at::Tensor own_copy(const at::Tensor& tensor);

  // What a call has made of the variables that were its arguments: no replay assigns to them. The
  // second throws c10::Error where the first makes further calls run as they are.
  void refuse_assignments(const StepArguments& before, const StepArguments& after);
  static void check_no_assignments(const StepArguments& before, const StepArguments& after);

  // Why calls run as they are; none while they are captured.
  const std::optional<std::string>& refusal() const { return refusal_; }

 private:
  bool may_record() const;
  bool must_compare(const Kind& kind) const;
  // After a call that was no replay.
  void count_windows();
  void refuse(std::string why);
  // What it has written in place to the program's tensors.
  static void bring_back(const Kind& kind, const std::vector<at::Tensor>& recorded,
                         const std::vector<at::Tensor>& inputs);
  // Of the session and of the options.
  std::vector<std::shared_ptr<torch::nn::Module>> modules() const;
  // Why what the modules of the options have is not what it was; none when it is.
  std::optional<std::string> change_of_modules(const Kind& kind) const;
  // The first input that shares its memory with a parameter, a gradient or a buffer: a recording
  // works on a copy of it, which has the values that it had before the update.
  std::optional<size_t> input_of_training(const std::vector<at::Tensor>& inputs) const;
  void note_modules(Kind& kind) const;

  std::shared_ptr<Session> session_;
  CaptureOptions options_;
  ReplayFactory replays_;
  std::optional<std::string> refusal_;
  bool told_ = false;
  int calls_ = 0;
  // Steps on a batch that had begun before the call, and that one call begins, at most.
  int64_t windows_before_ = 0;
  int64_t most_windows_ = 1;
  std::unordered_map<std::string, Kind> kinds_;
};

}  // namespace accelerate
