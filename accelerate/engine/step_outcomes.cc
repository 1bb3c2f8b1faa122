#include "accelerate/engine/step_outcomes.h"

#include <utility>

namespace accelerate {

void StepOutcomes::add(bool skipped) {
  ++count_;
  outcomes_.emplace_back().skipped = skipped;
  poll();
}

void StepOutcomes::add(const HostCopy& overflow, std::function<void()> when_skipped) {
  ++count_;
  outcomes_.push_back({.overflow = overflow, .when_skipped = std::move(when_skipped)});
  poll();
}

void StepOutcomes::poll() {
  for (Outcome& outcome : outcomes_) {
    if (!outcome.skipped && outcome.overflow->is_there()) resolve(outcome);
  }
  while (outcomes_.size() > 2 && outcomes_.front().skipped) outcomes_.erase(outcomes_.begin());
}

bool StepOutcomes::last() {
  for (Outcome& outcome : outcomes_) resolve(outcome);
  return !outcomes_.empty() && *outcomes_.back().skipped;
}

bool StepOutcomes::last_for_schedules() {
  if (outcomes_.empty()) return false;
  if (!outcomes_.back().overflow) return *outcomes_.back().skipped;
  return outcomes_.size() > 1 && resolve(outcomes_[outcomes_.size() - 2]);
}

bool StepOutcomes::resolve(Outcome& outcome) {
  if (!outcome.skipped) {
    outcome.skipped = outcome.overflow->get().item<int>() != 0;
    if (*outcome.skipped) outcome.when_skipped();
  }
  return *outcome.skipped;
}

}  // namespace accelerate
