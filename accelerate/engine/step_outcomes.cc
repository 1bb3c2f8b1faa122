#include "accelerate/engine/step_outcomes.h"

#include <algorithm>
#include <string>
#include <utility>

namespace accelerate {

void StepOutcomes::add(bool skipped) {
  ++count_;
  outcomes_.emplace_back().skipped = skipped;
  poll();
}

void StepOutcomes::add(const HostCopy& overflow, std::function<void()> when_skipped) {
  ++count_;
  outcomes_.push_back(
      {.is_late = true, .overflow = overflow, .when_skipped = std::move(when_skipped)});
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
  if (!outcomes_.back().is_late) return *outcomes_.back().skipped;
  return outcomes_.size() > 1 && resolve(outcomes_[outcomes_.size() - 2]);
}

State StepOutcomes::save() {
  State state;
  for (Outcome& outcome : outcomes_) resolve(outcome);
  const size_t first = outcomes_.size() - std::min<size_t>(outcomes_.size(), 2);
  for (size_t i = first; i < outcomes_.size(); ++i) {
    const std::string name = std::to_string(i - first);
    state.set(name + ".skipped", int64_t{*outcomes_[i].skipped});
    state.set(name + ".is_late", int64_t{outcomes_[i].is_late});
  }
  return state;
}

void StepOutcomes::load(const State& state) {
  *this = StepOutcomes();
  for (const char* name : {"0", "1"}) {
    const State saved = state.part(name);
    if (!saved.contains("skipped")) continue;
    outcomes_.push_back(
        {.skipped = saved.integer("skipped") != 0, .is_late = saved.integer("is_late") != 0});
  }
}

bool StepOutcomes::resolve(Outcome& outcome) {
  if (!outcome.skipped) {
    outcome.skipped = outcome.overflow->get().item<int>() != 0;
    if (*outcome.skipped) outcome.when_skipped();
  }
  return *outcome.skipped;
}

}  // namespace accelerate
