// Finds NaN and infinity: stops a training before an optimizer steps with gradients that are not
// finite, names the operator that first computed such a number, and saves the batch. Also logs the
// norms of gradients and parameters.
//
//   accelerator.watch({.non_finite = true, .norms = true});
//   train(loader);
//
// Only the loss that backward() gets and the gradients that it leaves decide whether something is
// wrong. An intermediate infinity, as in an attention mask, is not a fault, nor are computations
// without gradients; an overflow in fp16 is handled by the loss scale. While the watch is on, every
// operator of the training thread is slower. Does not see backward passes that bypass the
// Accelerator (loss.backward()). Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "accelerate/comm/communicator.h"
#include "accelerate/data/active_loaders.h"
#include "accelerate/layout/named_parameter.h"
#include "accelerate/process/process_info.h"
#include "accelerate/tracking/values.h"

namespace accelerate {

enum class WatchAction {
  kThrow,  // backward() throws NonFiniteError on all ranks, so that no optimizer steps.
  kWarn,   // Warns once, lets the optimizer step, and stops looking.
};

struct WatchOptions {
  // Whether gradients that are not finite are reported, together with their origin.
  bool non_finite = true;
  // Whether 2-norms of gradients and parameters, in total and for each of the outermost modules,
  // are logged to the trackers as `watch/gradient_norm`, `watch/parameter_norm/encoder` and so on.
  // They are written with the program's next log(), at its step. The gradients are those of the
  // whole run, before any clipping.
  bool norms = false;
  // Steps between two sets of norms. With several optimizers, as in a GAN, those of the optimizer
  // that has stepped most often.
  int64_t every = 100;
  // Where the batch that led to the first such number is saved, as `step_N_rank_R.safetensors`; at
  // most 10 for each rank.
  std::string folder = "watch";
  WatchAction action = WatchAction::kThrow;
};

// Thrown by backward(), with the same message on all ranks. No weight has changed: a program may
// catch it, call zero_grad() and continue with the next batch. The forward pass may have changed
// buffers, such as a BatchNorm's means: the message names those that hold NaN. If they did not
// before, load a checkpoint first.
struct NonFiniteError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What the engine tells the watch about a backward pass that has left the gradients of a step.
struct StepGradients {
  // How often optimizers have stepped so far.
  int64_t steps = 0;
  // The parameters of the backward pass.
  std::vector<NamedParameter> parameters = {};
  // The buffers of all models.
  std::function<std::vector<NamedParameter>()> buffers = nullptr;
  // Returns the 2-norm of some parameters' gradients, over all ranks and without the loss scale:
  // 0-dim.
  std::function<at::Tensor(const std::vector<at::Tensor>&)> norm_of = nullptr;
  // The loss scale of these gradients: 0-dim. Undefined if the precision has none.
  at::Tensor loss_scale = {};
  // Whether all ranks get here, with the same gradients.
  bool are_of_all_ranks = false;
  // Whether the graph is retained for another backward pass, so that the operators that built it
  // are still of interest.
  bool keeps_graph = false;
};

namespace internal {
class OperatorLog;
}

// Part of the Session; programs use Accelerator::watch().
class Watch {
 public:
  // All outlive it.
  Watch(Communicator& communicator, const ProcessInfo& process, ActiveLoaders& loaders);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // Watches this thread from now on. Throws c10::Error if the options make no sense, or if another
  // Accelerator of this process already looks for numbers that are not finite.
  void start(const WatchOptions& options);

  bool is_on() const { return is_on_; }
  // If it is on: whether it looks at the step that follows `steps` others.
  bool looks_at(int64_t steps) const {
    return operators_ != nullptr || steps % options_.every == 0;
  }
  // Called before and after a backward pass of such a step. A pass that only changes gradients of
  // this rank, as a batch that accumulates does, has no after_backward().
  void before_backward(const at::Tensor& loss);
  // Throws NonFiniteError. Collective if something is wrong and the gradients are those of all
  // ranks.
  void after_backward(const StepGradients& step);
  // Called after a backward pass that has thrown: its operators are not part of the next step.
  void forget();

  // The norms that were measured last, for the trackers; empty if they were taken already.
  LogValues take_norms() { return std::exchange(norms_, {}); }

 private:
  void measure_norms(const StepGradients& step);
  void look_for_non_finite(const StepGradients& step);
  // What is wrong on this rank, and what all ranks report.
  struct Cause;
  Cause cause_of(const StepGradients& step, const std::vector<double>& losses) const;
  // The parameters whose gradients are not finite, on any rank.
  std::vector<std::string> bad_gradients(const StepGradients& step);
  std::string say(const StepGradients& step, const std::vector<std::string>& bad,
                  const Cause& cause);
  // The values of all ranks, or of this one if the gradients are its own.
  std::vector<std::string> from_all(const StepGradients& step, const std::string& own);
  // A sentence that says where the batch was saved, or why it was not.
  std::string save_batch(int64_t steps);

  Communicator& communicator_;
  ProcessInfo process_;
  ActiveLoaders& loaders_;
  WatchOptions options_;
  bool is_on_ = false;
  bool has_warned_ = false;
  bool has_warned_of_loss_ = false;
  // Null if only norms are logged.
  std::unique_ptr<internal::OperatorLog> operators_;
  // The losses of the backward passes since the last step.
  std::vector<at::Tensor> losses_;
  // In the current folder.
  int num_kept_batches_ = 0;
  LogValues norms_;
};

}  // namespace accelerate
