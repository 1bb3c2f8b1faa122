// Which steps of a training loop end in an update when gradients are accumulated over several
// batches: the counting behind Accelerator::accumulate().
//
//   AccumulationWindow window(/*num_steps=*/4, {});
//   window.begin_step(loaders.current());
//   loss * window.loss_factor();
//   if (window.sync_gradients()) optimizer.step();
//
// A window is the run of steps that one update is made of: num_steps, or fewer at the end of a
// loader. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "accelerate/data/active_loaders.h"
#include "accelerate/state/stateful.h"

namespace accelerate {

struct GradientAccumulationOptions {
  // The last batch of a loader ends the window, even if it has fewer steps, and each batch of the
  // loader is one step; otherwise windows extend across epochs, and a batch may be several steps.
  bool sync_with_dataloader = true;
  // Averages gradients over the ranks in every step, which takes less memory in sharded strategies;
  // optimizers still step once for each window.
  bool sync_each_batch = false;
};

class AccumulationWindow final : public Stateful {
 public:
  // Throws c10::Error if `num_steps` is less than one.
  AccumulationWindow(int64_t num_steps, const GradientAccumulationOptions& options);

  // begin_step() begins a step on the next batch, and end_step() ends it. `pass` is the pass of the
  // loader that the batch comes from; null without a loader.
  void begin_step(const std::shared_ptr<const LoaderProgress>& pass);
  void end_step() { in_step_ = false; }
  // Throws c10::Error if windows heed the end of the loader and begin_step() would give one a wrong
  // factor: the batch has been a step already, or batches were left out of a window at the end of
  // an earlier pass.
  void check_step(const std::shared_ptr<const LoaderProgress>& pass) const;
  // Called after each backward pass.
  void after_backward() { holds_partial_sum_ = !sync_gradients_; }

  // Whether this step ends its window, or the last one did; true until the first begin_step().
  bool sync_gradients() const { return sync_gradients_; }
  // The factor that makes the window's gradients a mean: one over the number of its batches. 1
  // between steps.
  double loss_factor() const { return in_step_ ? 1.0 / static_cast<double>(length_) : 1.0; }
  // Whether the gradients are part of a sum that must not be zeroed yet.
  bool holds_partial_sum() const { return holds_partial_sum_; }
  // Whether zero_grad() of an optimizer that has not stepped since its last one would lose what
  // earlier passes of the window have added to.
  bool holds_sum() const {
    return in_step_ && (sync_gradients_ ? position_ > 1 : holds_partial_sum_);
  }

  // Whether the program left its loop in the middle of a window: no step is running, and the last
  // one did not end the window.
  bool is_left_open() const { return !in_step_ && !sync_gradients_; }

  // Makes the next step begin a window. end_in_pass() is for one that the program ended in the
  // middle, after which a step of the same pass of a loader is an error.
  void restart() { sync_gradients_ = true, holds_partial_sum_ = false; }
  void end_in_pass() { restart(), ended_pass_ = pass_; }

  int64_t num_steps() const { return num_steps_; }
  // The number with which the present window began.
  int64_t steps() const { return steps_; }
  // The number of steps that have begun.
  int64_t begun() const { return begun_; }
  // Takes effect with the next window. Throws c10::Error if it is less than one.
  void set_num_steps(int64_t num_steps);

  // The position in the window between two batches. save() throws c10::Error while the window holds
  // a partial sum, because that is in the gradients, which no state contains.
  std::string_view state_name() const override { return "accumulation"; }
  bool is_equal_on_all_ranks() const override { return true; }
  State save() override;
  void check(const State& state) override { loaded(state); }
  void load(const State& state) override;
  std::function<void()> remember() override;

 private:
  AccumulationWindow loaded(const State& state) const;

  int64_t num_steps_ = 1;
  GradientAccumulationOptions options_;
  // The present window: the number of steps that it began with, the number of its batches (fewer if
  // the loader ends before), and the position of the current batch, from 1.
  int64_t steps_ = 1;
  int64_t length_ = 1;
  int64_t position_ = 0;
  int64_t begun_ = 0;
  // The pass of the last step, and how far it was.
  std::weak_ptr<const LoaderProgress> pass_;
  // The pass in which a window was ended in the middle.
  std::weak_ptr<const LoaderProgress> ended_pass_;
  int64_t batches_left_ = 0;
  int64_t consumed_ = 0;
  bool in_step_ = false;
  bool sync_gradients_ = true;
  bool holds_partial_sum_ = false;
};

}  // namespace accelerate
