#include "accelerate/optim/scheduler.h"

#include <c10/util/Exception.h>
#include <torch/optim/optimizer.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace accelerate {
namespace {

// Beyond this, a double no longer tells two neighbouring whole numbers apart.
constexpr double kLargestCount = 9007199254740992.0;

std::vector<double> rates_of(const torch::optim::Optimizer& optimizer) {
  std::vector<double> rates;
  rates.reserve(optimizer.param_groups().size());
  for (const auto& group : optimizer.param_groups()) rates.push_back(group.options().get_lr());
  return rates;
}

}  // namespace

Scheduler::Scheduler(torch::optim::Optimizer& optimizer, std::string kind)
    : Scheduler(optimizer, std::move(kind), rates_of(optimizer)) {
  // As the end of an earlier schedule leaves it.
  if (std::all_of(initial_rates_.begin(), initial_rates_.end(), [](double r) { return r == 0; })) {
    TORCH_WARN(kind_,
               ": the optimizer's learning rate is 0, and a schedule of a factor leaves it at "
               "0; set the rate that the schedule is to begin with first");
  }
}

Scheduler::Scheduler(torch::optim::Optimizer& optimizer, std::string kind,
                     std::vector<double> initial_rates)
    : optimizer_(optimizer), kind_(std::move(kind)), initial_rates_(std::move(initial_rates)) {
  TORCH_CHECK(!optimizer_.param_groups().empty(), kind_,
              ": the optimizer has no param groups. Construct the scheduler on an optimizer that "
              "holds parameters and was not moved from.");
}

void Scheduler::start() { set_rates(0, next_rates(0)); }

void Scheduler::step() {
  TORCH_CHECK(last_epoch_ >= 0, kind_,
              ": the scheduler has set no rates yet. Call start() at the end of its constructor.");
  set_rates(last_epoch_ + 1, next_rates(last_epoch_ + 1));
}

std::vector<double> Scheduler::rates() const { return rates_of(optimizer_); }

std::vector<torch::optim::OptimizerParamGroup>& Scheduler::groups() const {
  return optimizer_.param_groups();
}

void Scheduler::set_rates(int64_t epoch, const std::vector<double>& rates) {
  // Without the first check a chainable scheduler would go on silently with an optimizer that
  // was moved from.
  TORCH_CHECK(groups().size() >= initial_rates_.size(), kind_, ": the optimizer had ",
              initial_rates_.size(), " param groups and now has ", groups().size(),
              ". Do not move an optimizer that has a scheduler, and do not remove its groups.");
  TORCH_CHECK(rates.size() == groups().size(), kind_, ": there are rates for ", rates.size(),
              " param groups, but the optimizer has ", groups().size(),
              ". Add all param groups before you construct the scheduler.");
  for (std::size_t i = 0; i < rates.size(); ++i) groups()[i].options().set_lr(rates[i]);
  last_epoch_ = epoch;
  after_step(epoch);
}

SchedulerState Scheduler::state() const {
  SchedulerState state{.kind = kind_,
                       .values = {{"last_epoch", {static_cast<double>(last_epoch_)}},
                                  {"initial_rates", initial_rates_},
                                  {"rates", rates()}}};
  save_to(state);
  return state;
}

void Scheduler::check_state(const SchedulerState& state) const {
  TORCH_CHECK(state.kind == kind_, "This state belongs to a scheduler ", state.kind,
              " and cannot be loaded into a ", kind_,
              ". Construct the kind of scheduler that was saved, or start this one afresh.");
  count_field(state, "last_epoch");
  const auto saved = state.values.find("rates");
  TORCH_CHECK(saved == state.values.end() || saved->second.size() == groups().size(), kind_,
              ": this state belongs to an optimizer with ", saved->second.size(),
              " param groups, but this optimizer has ", groups().size(),
              ". Build the optimizer with the same param groups as when the state was saved.");
  const auto& rates = field(state, "rates", groups().size());
  const auto initial = state.values.find("initial_rates");
  TORCH_CHECK(initial != state.values.end() && !initial->second.empty() &&
                  initial->second.size() <= groups().size(),
              kind_,
              ": the initial_rates of the state are missing or do not match. Pass a state that "
              "Scheduler::state() returned.");
  for (const auto* values : {&rates, &initial->second}) {
    TORCH_CHECK(
        std::all_of(values->begin(), values->end(), [](double v) { return std::isfinite(v); }),
        kind_,
        ": the state has rates that are not finite. Pass a state that Scheduler::state() "
        "returned.");
  }
  check_from(state);
}

void Scheduler::load_state(const SchedulerState& state) {
  check_state(state);
  load_from(state);
  const std::vector<double>& rates = state.values.at("rates");
  for (std::size_t i = 0; i < rates.size(); ++i) groups()[i].options().set_lr(rates[i]);
  initial_rates_ = state.values.at("initial_rates");
  last_epoch_ = count_field(state, "last_epoch");
}

const std::vector<double>& Scheduler::field(const SchedulerState& state, std::string_view name,
                                            std::size_t size) {
  const auto found = state.values.find(std::string(name));
  TORCH_CHECK(found != state.values.end(), state.kind, ": the state has no ", name,
              ". Pass a state that Scheduler::state() returned.");
  TORCH_CHECK(found->second.size() == size, state.kind, ": the state has ", found->second.size(),
              " values for ", name, " instead of ", size,
              ". Pass a state that Scheduler::state() returned, for an optimizer with the same "
              "param groups.");
  return found->second;
}

int64_t Scheduler::count_field(const SchedulerState& state, std::string_view name) {
  const double value = field(state, name, 1).front();
  TORCH_CHECK(
      value >= 0 && value <= kLargestCount && value == std::floor(value), state.kind, ": ", name,
      " is ", value,
      " in the state, which is not a count. Pass a state that Scheduler::state() returned.");
  return static_cast<int64_t>(value);
}

}  // namespace accelerate
