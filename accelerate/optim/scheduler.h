// What all learning-rate schedulers share.
//
// A scheduler sets the learning rate of every param group of a LibTorch optimizer, step by step,
// with the numbers of the Python scheduler of the same kind, and its progress can be saved:
//
//   torch::optim::AdamW adamw(net->parameters(), torch::optim::AdamWOptions(1e-3));
//   accelerate::CosineDecay cosine(adamw, {.warmup_steps = 100, .total_steps = 2000});
//   for (auto& batch : loader) {
//     adamw.zero_grad();
//     loss_of(batch).backward();
//     adamw.step();
//     cosine.step();
//   }
//   accelerate::SchedulerState saved = cosine.state();
//
// Steps are calls of step(). In a schedule that was given to Accelerator::prepare() they are
// batches of one process, so that a step of a run on N processes is N of them, unless it was
// prepared with counted_in_updates(schedule) or counted_in_epochs(schedule): see docs/training.md.
//
// Your own scheduler returns the rates, and calls start() in its constructor:
//
//   class InverseRoot final : public accelerate::Scheduler {
//    public:
//     explicit InverseRoot(torch::optim::Optimizer& optimizer)
//         : Scheduler(optimizer, "InverseRoot") {
//       start();
//     }
//
//    private:
//     std::vector<double> next_rates(int64_t epoch) const override {
//       auto rates = initial_rates();
//       for (double& rate : rates) rate /= std::sqrt(epoch + 1.0);
//       return rates;
//     }
//   };
//
// When not to use it: for a rate that never changes; for a plain factor over the initial rate,
// where LambdaLR is shorter; or with a rate kept in a tensor, since the rate is a double here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace torch::optim {
class Optimizer;
class OptimizerParamGroup;
}  // namespace torch::optim

namespace accelerate {

// The progress of a scheduler, as plain values for any serialiser. It holds the scheduler's step
// and what it has observed, but not its options: those come from the program, so that a run can be
// resumed with, for example, more total steps. All doubles are finite as long as the rates and the
// metrics are; whole numbers are exact.
struct SchedulerState {
  // Which scheduler this belongs to, for example "CosineDecay".
  std::string kind;
  std::map<std::string, std::vector<double>> values;

  bool operator==(const SchedulerState&) const = default;
};

// Base of the schedulers; after torch.optim.lr_scheduler.LRScheduler of PyTorch 2.11.
//
// The optimizer is the caller's. It must outlive the scheduler and must not be moved, because its
// param groups would move with it. Rates are read and written through
// `param_groups()[i].options()`. The initial rates are those that the optimizer has when the
// scheduler is constructed (Python instead takes those from when the optimizer got its first
// scheduler).
//
// Not thread-safe, and not to be used while another thread steps the optimizer.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Advances by one step and sets its rates. Call it after the optimizer's step. Throws c10::Error,
  // with nothing changed, when the schedule has ended, when the scheduler needs a metric, or when
  // the param groups no longer match.
  void step();

  // The optimizer whose rates this scheduler sets.
  const torch::optim::Optimizer& optimizer() const { return optimizer_; }

  // Steps taken since construction. The constructor sets the rates of step 0; this is PyTorch's
  // `last_epoch`.
  int64_t last_epoch() const { return last_epoch_; }

  // Steps including the one of the constructor, so 1 at first; PyTorch's `_step_count`.
  int64_t step_count() const { return last_epoch_ + 1; }

  // The current learning rate of each param group.
  std::vector<double> rates() const;

  // The last value of last_epoch() that has a rate, for a scheduler whose step() throws beyond it;
  // std::nullopt for a scheduler that can be stepped for ever.
  virtual std::optional<int64_t> total_steps() const { return std::nullopt; }

  SchedulerState state() const;

  // Throws c10::Error when the state belongs to another kind of scheduler, has another number of
  // param groups, or is damaged. Changes nothing.
  void check_state(const SchedulerState& state) const;

  // Continues from `state` and writes its rates to the optimizer. Throws what check_state() throws,
  // with nothing changed.
  void load_state(const SchedulerState& state);

 protected:
  // Takes the initial rates from the optimizer. `kind` names the scheduler in its states.
  Scheduler(torch::optim::Optimizer& optimizer, std::string kind);

  // For schedules with their own initial rates, one per group.
  Scheduler(torch::optim::Optimizer& optimizer, std::string kind,
            std::vector<double> initial_rates);

  // Sets the rates of step 0. The constructor of each concrete class calls it last, because
  // next_rates() needs the whole object.
  void start();

  // The rates of step `epoch`, one per param group. Meanwhile rates() still returns those of the
  // previous step.
  virtual std::vector<double> next_rates(int64_t epoch) const = 0;

  // Called when the rates of step `epoch` have been set, for values that follow a rate, such as a
  // momentum.
  virtual void after_step(int64_t /*epoch*/) {}

  // Adds what else next_rates() depends on, apart from the step and the rates.
  virtual void save_to(SchedulerState& /*state*/) const {}

  // Throws when what save_to() added is damaged or does not match the options. Called after the
  // common part was checked.
  virtual void check_from(const SchedulerState& /*state*/) const {}

  // Reads what save_to() added, from a state that check_from() has accepted. Called before the
  // common part is read. An override that throws must do so before it changes anything;
  // check_state() does not call it.
  virtual void load_from(const SchedulerState& /*state*/) {}

  // Makes `epoch` the current step, with these rates.
  void set_rates(int64_t epoch, const std::vector<double>& rates);

  // The values called `name` in `state`. Throws c10::Error when they are missing, or when there are
  // not `size` of them.
  static const std::vector<double>& field(const SchedulerState& state, std::string_view name,
                                          std::size_t size);

  // The same for a single whole number that is at least zero.
  static int64_t count_field(const SchedulerState& state, std::string_view name);

  const std::vector<double>& initial_rates() const { return initial_rates_; }
  std::vector<torch::optim::OptimizerParamGroup>& groups() const;

 private:
  torch::optim::Optimizer& optimizer_;
  std::string kind_;
  std::vector<double> initial_rates_;
  int64_t last_epoch_ = -1;
};

}  // namespace accelerate
