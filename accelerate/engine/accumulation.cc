#include "accelerate/engine/accumulation.h"

#include <c10/util/Exception.h>

#include <algorithm>

namespace accelerate {

AccumulationWindow::AccumulationWindow(int64_t num_steps,
                                       const GradientAccumulationOptions& options)
    : options_(options) {
  set_num_steps(num_steps);
}

void AccumulationWindow::set_num_steps(int64_t num_steps) {
  TORCH_CHECK(num_steps >= 1, "gradient_accumulation_steps is ", num_steps,
              "; give 1 for an update with every batch, or more");
  num_steps_ = num_steps;
}

void AccumulationWindow::check_step(const std::shared_ptr<const LoaderProgress>& pass) const {
  if (!options_.sync_with_dataloader) return;
  // Of a pass that has ended, null.
  const bool is_same_pass = pass != nullptr && pass_.lock() == pass;
  constexpr char kRemedy[] =
      "pass .gradient_accumulation = {.sync_with_dataloader = false}, with which each call counts "
      "and the end of a loader does not matter";
  TORCH_CHECK(
      num_steps_ == 1 || !is_same_pass || pass->batches_left != batches_left_ ||
          pass->consumed != consumed_,
      "accumulate() was called twice for one batch of the loader, whose batches it counts to "
      "end a window with the last one. For several models, call it once, as accumulate(a, "
      "b); to accumulate over parts of a batch, ",
      kRemedy);
  TORCH_CHECK(num_steps_ == 1 || pass == nullptr || ended_pass_.lock() != pass,
              "a backward pass outside of accumulate() ended a window of the loader in the middle, "
              "and the loop over the loader goes on, so no window would ever be full; put each "
              "backward pass of the loop into accumulate(), with all its models, as accumulate(a, "
              "b)");
  const bool is_cut_short = !sync_gradients_ && length_ < steps_;
  TORCH_CHECK(!is_cut_short || is_same_pass, "the gradients of ", position_, " of ", length_,
              " batches wait for the rest of their window, which was to end with its loader: the "
              "program left the loop, or left out batches. Call accumulate() for each batch, with "
              "drop_last in the options of the loader where a short one is to be left out; or ",
              kRemedy);
}

void AccumulationWindow::begin_step(const std::shared_ptr<const LoaderProgress>& pass) {
  const bool follows_loader = options_.sync_with_dataloader && pass != nullptr;
  if (sync_gradients_) {
    // Known in advance, so that every backward pass of the window has the same factor.
    steps_ = num_steps_;
    length_ = follows_loader ? std::min(num_steps_, pass->batches_left + 1) : num_steps_;
    position_ = 0;
    // Also after a last batch whose backward pass failed, or was left out.
    holds_partial_sum_ = false;
  }
  ++position_;
  ++begun_;
  in_step_ = true;
  sync_gradients_ = position_ >= steps_ || (follows_loader && pass->batches_left == 0);
  pass_ = pass;
  if (pass != nullptr) batches_left_ = pass->batches_left, consumed_ = pass->consumed;
}

State AccumulationWindow::save() {
  TORCH_CHECK(!holds_partial_sum_, "the gradients of ", position_, " of ", length_,
              " batches wait for the rest of their window, and a saved state would lose them; save "
              "after the optimizer's step, where sync_gradients() is true");
  State state;
  state.set("steps", steps_);
  state.set("length", length_);
  state.set("position", position_);
  state.set("sync_gradients", int64_t{sync_gradients_});
  state.set("holds_partial_sum", int64_t{holds_partial_sum_});
  return state;
}

AccumulationWindow AccumulationWindow::loaded(const State& state) const {
  AccumulationWindow loaded = *this;
  loaded.steps_ = state.count("steps");
  loaded.length_ = state.count("length");
  loaded.position_ = state.count("position");
  TORCH_CHECK(loaded.steps_ >= 1 && loaded.length_ >= 1 && loaded.position_ <= loaded.length_,
              "the state is at batch ", loaded.position_, " of ", loaded.length_,
              " of a window of ", loaded.steps_, "; take a state that was saved");
  loaded.sync_gradients_ = state.integer("sync_gradients") != 0;
  loaded.holds_partial_sum_ = state.integer("holds_partial_sum") != 0;
  loaded.in_step_ = false;
  return loaded;
}

void AccumulationWindow::load(const State& state) { *this = loaded(state); }

std::function<void()> AccumulationWindow::remember() {
  return [this, before = *this] { *this = before; };
}

}  // namespace accelerate
