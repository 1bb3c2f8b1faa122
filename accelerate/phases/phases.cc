#include "accelerate/phases/phases.h"

#include <utility>

namespace accelerate {
namespace {

bool begins_a_step(Phase phase) {
  return phase == Phase::kData || phase == Phase::kForward || phase == Phase::kEvaluation ||
         phase == Phase::kCaptured;
}

}  // namespace

const char* to_string(Phase phase) {
  switch (phase) {
    case Phase::kData:
      return "data";
    case Phase::kForward:
      return "forward";
    case Phase::kEvaluation:
      return "evaluation";
    case Phase::kBackward:
      return "backward";
    case Phase::kCommunication:
      return "communication";
    case Phase::kOptimizer:
      return "optimizer";
    case Phase::kCaptured:
      return "captured step";
    case Phase::kOther:
      return "other";
    case Phase::kAside:
      return "aside";
  }
  return "";
}

Phases& Phases::of_thread() {
  // It stays until the thread ends, as scopes that were entered still refer to it when the last
  // listener has gone.
  static thread_local Phases phases;
  return phases;
}

void Phases::add(PhaseListener& listener) {
  Phases& phases = of_thread();
  if (phases.listeners_.empty()) {
    phases.has_stepped_ = false;
    phases.samples_ = 0;
  }
  phases.listeners_.push_back(&listener);
  heard_ = &phases;
}

void Phases::remove(PhaseListener& listener) {
  Phases& phases = of_thread();
  std::erase(phases.listeners_, &listener);
  if (phases.listeners_.empty()) heard_ = nullptr;
}

void Phases::note_step(const void* optimizer, int64_t samples) {
  has_stepped_ = true;
  samples_ += samples;
  for (size_t i = 0; i < listeners_.size(); ++i) listeners_[i]->note_step(optimizer);
}

void Phases::enter(Phase phase) {
  // By index, as a listener may leave, or have another come, in the call.
  if (stack_.empty() && begins_a_step(phase) && std::exchange(has_stepped_, false)) {
    const int64_t samples = std::exchange(samples_, 0);
    for (size_t i = 0; i < listeners_.size(); ++i) listeners_[i]->end_step(samples);
  }
  // A save waits for other ranks, and is of no step all the same.
  const bool is_aside = !stack_.empty() && stack_.back() == Phase::kAside;
  stack_.push_back(is_aside ? Phase::kAside : phase);
  for (size_t i = 0; i < listeners_.size(); ++i) listeners_[i]->enter(stack_.back());
}

void Phases::leave() {
  stack_.pop_back();
  const Phase outside = stack_.empty() ? Phase::kOther : stack_.back();
  for (size_t i = 0; i < listeners_.size(); ++i) listeners_[i]->leave(outside);
}

}  // namespace accelerate
