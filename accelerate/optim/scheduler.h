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
// Steps are calls of step(). Of a schedule that Accelerator::prepare() has seen they are batches of
// one process, so that a step of a run on N processes is N of them, or what
// counted_in_updates(schedule) and counted_in_epochs(schedule) say: see docs/training.md.
//
// A scheduler of one's own says what the rates are, and calls start() when it is constructed:
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

// The progress of a scheduler, as plain values for any serialiser. It holds how far the scheduler
// is and what it has seen, but not its options: those come from the program, so that a run can be
// resumed with, say, more total steps. All doubles are finite as long as the rates and the
// metrics are; whole numbers are exact.
struct SchedulerState {
  // Which scheduler this belongs to, for example "CosineDecay".
  std::string kind;
  std::map<std::string, std::vector<double>> values;

  bool operator==(const SchedulerState&) const = default;
};

// Base of the schedulers; after torch.optim.lr_scheduler.LRScheduler of PyTorch 2.11.
//
// The optimizer is the caller's. It must outlive the scheduler and must not be moved, as its param
// groups would go with it. Rates are read and written through `param_groups()[i].options()`. The
// initial rates are those that the optimizer has when the scheduler is constructed (Python instead
// takes those of the first scheduler that the optimizer ever had).
//
// Not safe for use by several threads at once, nor while another thread steps the optimizer.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Moves on by one step and sets the rates for it; to be called after the optimizer's step.
  // Throws c10::Error, with nothing changed, when the schedule has ended, when the scheduler
  // needs a metric, or when the param groups do not fit any more.
  void step();

  // The optimizer whose rates it sets.
  const torch::optim::Optimizer& optimizer() const { return optimizer_; }

  // Steps taken since construction. The constructor sets the rates of step 0; this is PyTorch's
  // `last_epoch`.
  int64_t last_epoch() const { return last_epoch_; }

  // Steps including that of the constructor, so 1 at first; PyTorch's `_step_count`.
  int64_t step_count() const { return last_epoch_ + 1; }

  // The learning rate that each param group has now.
  std::vector<double> rates() const;

  // The last value of last_epoch() for which there is a rate, for a scheduler whose step()
  // throws beyond it; nothing for one that can be stepped for ever.
  virtual std::optional<int64_t> total_steps() const { return std::nullopt; }

  SchedulerState state() const;

  // Throws c10::Error when the state is of another kind of scheduler, of another number of param
  // groups, or damaged. Changes nothing.
  void check_state(const SchedulerState& state) const;

  // Goes on from `state` and puts its rates back into the optimizer. Throws what check_state()
  // throws, with nothing changed.
  void load_state(const SchedulerState& state);

 protected:
  // Takes the initial rates from the optimizer. `kind` names the scheduler in its states.
  Scheduler(torch::optim::Optimizer& optimizer, std::string kind);

  // For schedules that bring their own initial rates, one per group.
  Scheduler(torch::optim::Optimizer& optimizer, std::string kind,
            std::vector<double> initial_rates);

  // Sets the rates of step 0. The constructor of each concrete class calls it last: next_rates()
  // needs the whole object.
  void start();

  // The rates of step `epoch`, one per param group. rates() are then still those of the step
  // before.
  virtual std::vector<double> next_rates(int64_t epoch) const = 0;

  // Called when the rates of step `epoch` are set, for what goes along with a rate, such as a
  // momentum.
  virtual void after_step(int64_t /*epoch*/) {}

  // Adds what next_rates() depends on besides the step and the rates.
  virtual void save_to(SchedulerState& /*state*/) const {}

  // Throws when what save_to() added is damaged, or does not fit the options. Called after the
  // common part is checked.
  virtual void check_from(const SchedulerState& /*state*/) const {}

  // Takes back what save_to() added, of a state that check_from() has seen. Called before the
  // common part is taken over. One that throws itself does so before it changes anything, and
  // check_state() does not know of it.
  virtual void load_from(const SchedulerState& /*state*/) {}

  // Makes `epoch` the last step, with these rates.
  void set_rates(int64_t epoch, const std::vector<double>& rates);

  // The values called `name` in `state`. Throws c10::Error when they are absent, or not `size`.
  static const std::vector<double>& field(const SchedulerState& state, std::string_view name,
                                          std::size_t size);

  // The same for a single whole number of at least zero.
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
