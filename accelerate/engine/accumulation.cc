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

void AccumulationWindow::begin_step(std::optional<int64_t> batches_left) {
  const bool follows_loader = options_.sync_with_dataloader && batches_left.has_value();
  if (sync_gradients_) {
    // Known in advance, so that every backward pass of the window has the same factor.
    steps_ = num_steps_;
    length_ = follows_loader ? std::min(num_steps_, *batches_left + 1) : num_steps_;
    position_ = 0;
  }
  ++position_;
  ++begun_;
  in_step_ = true;
  sync_gradients_ = position_ >= steps_ || (follows_loader && *batches_left == 0);
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
