// Which steps of a training loop end in an update when gradients are accumulated over several
// batches: the counting behind Accelerator::accumulate().
//
//   AccumulationWindow window(/*num_steps=*/4, {});
//   window.begin_step(batches_left);
//   loss * window.loss_factor();
//   if (window.sync_gradients()) optimizer.step();
//
// A window is the run of steps that one update is made of: num_steps, or fewer at the end of a
// loader. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "accelerate/state/stateful.h"

namespace accelerate {

struct GradientAccumulationOptions {
  // The last batch of a loader ends the window, however many steps it has; otherwise windows reach
  // across epochs.
  bool sync_with_dataloader = true;
  // Gradients are averaged over the ranks in every step, which takes less memory in sharded
  // strategies; optimizers still step once a window.
  bool sync_each_batch = false;
};

class AccumulationWindow final : public Stateful {
 public:
  // Throws c10::Error when there is less than one step.
  AccumulationWindow(int64_t num_steps, const GradientAccumulationOptions& options);

  // A step on the next batch begins, and ends. `batches_left`: of the active loader, after this
  // batch; none without a loader.
  void begin_step(std::optional<int64_t> batches_left);
  void end_step() { in_step_ = false; }
  // Called after each backward pass.
  void after_backward() { holds_partial_sum_ = !sync_gradients_; }

  // Whether this step ends its window, or the last one did; true until the first begin_step().
  bool sync_gradients() const { return sync_gradients_; }
  // What makes the window's gradients a mean: one over the number of its batches. 1 between steps.
  double loss_factor() const { return in_step_ ? 1.0 / static_cast<double>(length_) : 1.0; }
  // Whether the gradients are part of a sum that must not be zeroed yet.
  bool holds_partial_sum() const { return holds_partial_sum_; }

  // Whether the loop was left in the middle of a window: no step is at hand, and the last one did
  // not end it.
  bool is_left_open() const { return !in_step_ && !sync_gradients_; }

  // Begins a window with the next step.
  void restart() { sync_gradients_ = true, holds_partial_sum_ = false; }

  int64_t num_steps() const { return num_steps_; }
  // Steps on a batch that have begun.
  int64_t begun() const { return begun_; }
  // From the next window on. Throws c10::Error when it is less than one.
  void set_num_steps(int64_t num_steps);

  // Where the window stands between two batches. Throws c10::Error while it holds a partial sum,
  // which is in gradients and not in states.
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
  // Of the present window: the steps it was begun with, its batches as far as the loader has them,
  // and which of them is at hand, from 1.
  int64_t steps_ = 1;
  int64_t length_ = 1;
  int64_t position_ = 0;
  int64_t begun_ = 0;
  bool in_step_ = false;
  bool sync_gradients_ = true;
  bool holds_partial_sum_ = false;
};

}  // namespace accelerate
