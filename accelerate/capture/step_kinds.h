// The part of a captured step that does not depend on its types: it decides which calls run
// normally, which are recorded, and which are replays of a recording.
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
  // The number of calls that run normally before one is recorded, so that everything is set up that
  // a first run sets up. They are steps like all others. Each further kind of inputs needs only
  // one.
  int warm_up_steps = 3;
  // The number of kinds of inputs, by their shapes, for which a recording is kept; calls with other
  // kinds run normally. On several GPUs it is one, so that no rank records while others do not.
  int max_recordings = 8;
  // On the CPU: after this many replays of a kind, and again after four times as many, and so on, a
  // call runs normally, is recorded once more and compared. A difference, such as the rate of an
  // optimizer that was not prepared, is an error that names it, because calls since the last
  // comparison may have done what was recorded. 0: never.
  int64_t compare_after = 16;
  // Modules that the step uses although they were not prepared. Their eval() and frozen parameters
  // distinguish one kind of calls from another, as those of prepared models do. If their dropout
  // rates or the memory of their parameters and buffers change, the step is recorded again.
  std::vector<std::shared_ptr<torch::nn::Module>> modules = {};
};

class StepKinds {
 public:
  // What belongs to one kind of inputs.
  struct Kind {
    int runs = 0;
    std::unique_ptr<Replay> replay;
    bool is_ready = false;
    // How many times in a row it was recorded again after only a few replays.
    int moves = 0;
    int64_t replays = 0;
    // The number of replays at which it is recorded once more and compared.
    int64_t compare_at = 0;
    // Which inputs it writes in place.
    std::vector<size_t> written = {};
    // What calls return in addition to tensors.
    std::optional<std::string> returned = std::nullopt;
    // What the recording has taken from modules.
    DropoutRates rates = {};
    std::vector<const void*> addresses = {};
    // The inputs and the result of the recording, with the types of the step.
    std::shared_ptr<void> kept;
  };

  // Uses graphs on a GPU and tapes on the CPU.
  static std::shared_ptr<StepKinds> make(std::shared_ptr<Session> session,
                                         const CaptureOptions& options);
  StepKinds(std::shared_ptr<Session> session, const CaptureOptions& options, ReplayFactory replays);

  // Null if the call must run normally. If all further calls must, too, warns once with the reason.
  Kind* find(const StepArguments& arguments);
  // Whether the call is a replay or, if must_record() is true, a recording.
  bool is_replay(Kind& kind);
  bool must_record(const Kind& kind) const;

  // Runs the call normally, as part of the warm-up.
  void warm_up(Kind& kind, const std::vector<at::Tensor>& inputs,
               const std::function<void()>& call);
  // Records the call, which uses `recorded` with the values of `inputs`. After an obstacle all
  // further calls run normally. On GPUs collective, like the call itself. Throws c10::Error if the
  // call does something other than what replays have done.
  RecordingAttempt record(Kind& kind, const std::vector<at::Tensor>& recorded,
                          const std::vector<at::Tensor>& inputs, const std::function<void()>& call);
  // Replays the step with the values of `inputs` in the recorded tensors.
  void replay(Kind& kind, const std::vector<at::Tensor>& recorded,
              const std::vector<at::Tensor>& inputs);

  // Notes what a call that was not a replay has returned: further calls must return the same,
  // except for tensors, and no tensor of which a gradient may still be asked for. Throws c10::Error
  // if replays have returned something other than the call.
  void note_result(Kind& kind, const StepArguments& result);

  // A copy with the same layout in memory as the tensor, so that operators add up in the same
  // order.
  static at::Tensor own_copy(const at::Tensor& tensor);

  // Compare the variables that were arguments of a call before and after it, because no replay
  // assigns to them. If they differ, the first makes further calls run normally, and the second
  // throws c10::Error.
  void refuse_assignments(const StepArguments& before, const StepArguments& after);
  static void check_no_assignments(const StepArguments& before, const StepArguments& after);

  // Why calls run normally; std::nullopt while they are captured.
  const std::optional<std::string>& refusal() const { return refusal_; }

 private:
  bool may_record() const;
  bool must_compare(const Kind& kind) const;
  // Called after a call that was not a replay.
  void count_windows();
  void refuse(std::string why);
  // Copies what the step has written in place to the program's tensors.
  static void bring_back(const Kind& kind, const std::vector<at::Tensor>& recorded,
                         const std::vector<at::Tensor>& inputs);
  // Adds to what the kind writes the inputs to which a replay has written without a trace, as
  // operators do that update statistics.
  static void look_for_writes(Kind& kind, const std::vector<at::Tensor>& recorded,
                              const std::vector<at::Tensor>& inputs);
  // The modules of the session and of the options.
  std::vector<std::shared_ptr<torch::nn::Module>> modules() const;
  // What has changed in the modules since the recording; std::nullopt if nothing has.
  std::optional<std::string> change_of_modules(const Kind& kind) const;
  // The first input that shares its memory with a parameter, a gradient or a buffer: a recording
  // would use a copy of it, with the values from before the update.
  std::optional<size_t> input_of_training(const std::vector<at::Tensor>& inputs) const;
  void note_modules(Kind& kind) const;

  std::shared_ptr<Session> session_;
  CaptureOptions options_;
  ReplayFactory replays_;
  std::optional<std::string> refusal_;
  bool told_ = false;
  int calls_ = 0;
  // The steps of accumulate() that had begun before the call, and the most that one call begins.
  int64_t windows_before_ = 0;
  // The backward passes before the call.
  int64_t passes_before_ = 0;
  int64_t most_windows_ = 1;
  std::unordered_map<std::string, Kind> kinds_;
};

}  // namespace accelerate
