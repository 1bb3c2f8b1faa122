// Numbers gone wrong: stops a training before an optimizer takes a step with gradients that are not
// finite, says which operator was the first to compute such a number, and keeps the batch; and logs
// the norms of gradients and parameters.
//
//   accelerator.watch({.non_finite = true, .norms = true});
//   train(loader);
//
// The loss that backward() gets and the gradients that it leaves decide whether anything is wrong.
// An infinity on the way, as in a mask of attention, is no fault, nor is what a program computes
// without gradients; and an overflow of fp16 is the loss scale's. Every operator of the training
// thread is slower meanwhile. Not for the backward passes of a program's own (loss.backward()),
// which nobody sees. Not thread-safe.
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
  kWarn,   // A warning says it once, the step is taken, and no further one is looked at.
};

struct WatchOptions {
  // Whether gradients that are not finite are reported, with where they come from.
  bool non_finite = true;
  // Whether the 2-norms of all gradients and of all parameters, and of those of each of the
  // outermost modules, are logged to the trackers as `watch/gradient_norm`,
  // `watch/parameter_norm/encoder` and so on, with what the program logs next and at its step. The
  // gradients are those of the whole run before any clipping.
  bool norms = false;
  // In how many steps of an optimizer the norms are logged once. Of several optimizers, as a GAN
  // has, the one counts that has stepped most often.
  int64_t every = 100;
  // Where the batch is kept from which the first such number came, as `step_N_rank_R.safetensors`;
  // at most 10 of each rank.
  std::string folder = "watch";
  WatchAction action = WatchAction::kThrow;
};

// What backward() throws: the sentence is the same on all ranks. No weight has changed: a program
// may catch it, call zero_grad() and go on with the next batch. Buffers may have, such as a
// BatchNorm's means, in the forward pass: the sentence names those that hold NaN, and where they
// did not before, a checkpoint has to be loaded first.
struct NonFiniteError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What the engine tells of a backward pass that has left the gradients of a step.
struct StepGradients {
  // How often optimizers have stepped before.
  int64_t steps = 0;
  // Those that it was for.
  std::vector<NamedParameter> parameters = {};
  // Those of all models.
  std::function<std::vector<NamedParameter>()> buffers = nullptr;
  // The 2-norm of the gradients of some of them, over all ranks and without the loss scale: 0-dim.
  std::function<at::Tensor(const std::vector<at::Tensor>&)> norm_of = nullptr;
  // Of these gradients: 0-dim. Undefined where the precision has none.
  at::Tensor loss_scale = {};
  // Whether all ranks come here, with the same gradients.
  bool are_of_all_ranks = false;
  // Whether the graph is there for another backward pass, so that what has computed it is of
  // interest then.
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

  // From now on, in this thread. Throws c10::Error where the options make no sense, or where
  // another Accelerator of this process looks for numbers that are not finite.
  void start(const WatchOptions& options);

  bool is_on() const { return is_on_; }
  // Of one that is on: whether it looks at the step that comes after so many others.
  bool looks_at(int64_t steps) const {
    return operators_ != nullptr || steps % options_.every == 0;
  }
  // Around a backward pass of such a step; what leaves gradients of this rank alone, as a batch
  // does that only accumulates, has no end.
  void before_backward(const at::Tensor& loss);
  // Throws NonFiniteError. Collective where something is wrong and the gradients are of all ranks.
  void after_backward(const StepGradients& step);
  // After a backward pass that has thrown: what it has computed is no part of the next step.
  void forget();

  // The norms that were measured last, for the trackers; none where they were taken.
  LogValues take_norms() { return std::exchange(norms_, {}); }

 private:
  void measure_norms(const StepGradients& step);
  void look_for_non_finite(const StepGradients& step);
  // What is wrong on this rank; and what all ranks say of it.
  struct Cause;
  Cause cause_of(const StepGradients& step, const std::vector<double>& losses) const;
  // The parameters whose gradients are not finite, on any rank.
  std::vector<std::string> bad_gradients(const StepGradients& step);
  std::string say(const StepGradients& step, const std::vector<std::string>& bad,
                  const Cause& cause);
  // What each rank gives, or this one where the gradients are its own.
  std::vector<std::string> from_all(const StepGradients& step, const std::string& own);
  // Where the batch was put, or why it was not.
  std::string save_batch(int64_t steps);

  Communicator& communicator_;
  ProcessInfo process_;
  ActiveLoaders& loaders_;
  WatchOptions options_;
  bool is_on_ = false;
  bool has_warned_ = false;
  bool has_warned_of_loss_ = false;
  // Null where only norms are asked for.
  std::unique_ptr<internal::OperatorLog> operators_;
  // Of the backward passes since the last step.
  std::vector<at::Tensor> losses_;
  // In the folder at hand.
  int num_kept_batches_ = 0;
  LogValues norms_;
};

}  // namespace accelerate
