// The one object through which a program trains on one process or many, in any precision.
//
//   template <class Accelerator>
//   void train(Accelerator& accelerator) {
//     auto [model, optimizer, loader] = accelerator.prepare(net, adamw, data_loader);
//     for (auto& batch : loader) {
//       optimizer.zero_grad();
//       accelerator.backward(loss_of(model(batch.data), batch.target));
//       optimizer.step();
//     }
//   }
//   ACCELERATE_MAIN(train)
//
// ACCELERATE_MAIN makes it; a program with a main() of its own may construct one, after it was
// launched. Methods that talk to the other ranks are collective: every rank calls them, in the same
// order. A violated rule throws c10::Error with a remedy. Not thread-safe. Not for inference alone,
// where a LibTorch module is all one needs.
#pragma once

#include <functional>
#include <iostream>
#include <memory>
#include <tuple>
#include <utility>

#include "accelerate/core/prepare.h"
#include "accelerate/core/session.h"
#include "accelerate/precision/precision.h"
#include "accelerate/strategy/strategy.h"

namespace accelerate {

template <class StrategyPolicy, class PrecisionPolicy>
class Accelerator {
  static_assert(Strategy<StrategyPolicy>,
                "Accelerator<Strategy, Precision>: the first argument is no strategy; use Cpu, "
                "MultiCpu, Gpu or "
                "MultiGpu, or a struct with `static constexpr accelerate::StrategyTraits traits`");
  static_assert(Precision<PrecisionPolicy>,
                "Accelerator<Strategy, Precision>: the second argument is no precision; use Fp32, "
                "Fp16 or Bf16, or "
                "a struct with `static constexpr accelerate::PrecisionTraits traits`");

 public:
  static constexpr StrategyTraits strategy = StrategyPolicy::traits;
  static constexpr PrecisionTraits precision = PrecisionPolicy::traits;

  // Joins the run that the environment describes (RANK, WORLD_SIZE, ...), which is this process
  // alone when nothing is set.
  explicit Accelerator(const AcceleratorOptions& options = {})
      : session_(std::make_shared<Session>(strategy, precision, options)) {}

  // ---- Preparation

  // Takes models, optimizers, loaders and schedulers, in any order, and returns a handle for each:
  // one handle for one object, a tuple for several. May be called more than once, but once for each
  // object.
  template <class Object>
  [[nodiscard]] auto prepare(Object&& object) {
    return internal::prepare_one(session_, std::forward<Object>(object));
  }
  template <class... Objects>
  requires(sizeof...(Objects) > 1) [[nodiscard]] auto prepare(Objects&&... objects) {
    // Braces, because they prepare from left to right, as all ranks must.
    return std::tuple{internal::prepare_one(session_, std::forward<Objects>(objects))...};
  }
  // The user's module behind a handle.
  template <class Module>
  std::shared_ptr<Module> unwrap_model(const PreparedModel<Module>& model) const {
    return model.unwrap();
  }

  // ---- Training

  // Backward of the loss, scaled if the precision wants it; afterwards `.grad` is the mean over the
  // ranks.
  void backward(const at::Tensor& loss, const BackwardOptions& options = {}) {
    session_->backward(loss, options);
  }
  // A scope in which computations outside a prepared model run in the program's precision:
  //   { auto scope = accelerator.autocast(); features = encoder->forward(x); }
  [[nodiscard]] std::optional<Autocast> autocast() const { return session_->autocast(); }
  // Whether an overflow made an optimizer skip its last step.
  bool optimizer_step_was_skipped() const { return session_->step_was_skipped(); }
  // The loss scale that the next backward uses; 1 when the precision has none.
  double loss_scale() { return session_->loss_scale() ? session_->loss_scale()->value() : 1.0; }

  // ---- Communication: on a tensor or on any value that holds tensors (visit_tensors), which is
  // not changed

  // All ranks' tensors, concatenated along dimension 0; a scalar becomes one element.
  template <class Value>
  Value gather(Value value) {
    return each(std::move(value), [this](const at::Tensor& tensor) {
      return accelerate::gather(communicator(), tensor);
    });
  }
  // The same without the samples that fill up a loader's last batch, so that each sample counts
  // once.
  template <class Value>
  Value gather_for_metrics(Value value) {
    return each(std::move(value),
                [this](const at::Tensor& tensor) { return session_->gather_for_metrics(tensor); });
  }
  // Element by element over the ranks, times `scale`.
  template <class Value>
  Value reduce(Value value, ReduceOp op = ReduceOp::kSum, double scale = 1.0) {
    return each(std::move(value), [&](const at::Tensor& tensor) {
      return accelerate::reduce(communicator(), tensor, op, scale);
    });
  }
  // The value of one rank on all.
  template <class Value>
  Value broadcast(Value value, int from_process = 0) {
    return each(std::move(value), [&](const at::Tensor& tensor) {
      return accelerate::broadcast(communicator(), tensor, from_process);
    });
  }
  // Padded along a dimension to the largest size on any rank, so that gather() fits.
  template <class Value>
  Value pad_across_processes(Value value, const PadOptions& options = {}) {
    return each(std::move(value), [&](const at::Tensor& tensor) {
      return accelerate::pad_across_processes(communicator(), tensor, options);
    });
  }
  void wait_for_everyone() { communicator().barrier(); }

  // ---- Processes

  int process_index() const { return session_->process().rank; }
  int local_process_index() const { return session_->process().local_rank; }
  int num_processes() const { return session_->process().world_size; }
  bool is_main_process() const { return session_->process().is_main(); }
  bool is_local_main_process() const { return session_->process().is_local_main(); }
  c10::Device device() const { return session_->process().device; }

  // Writes a line to the standard output, once for each machine.
  template <class... Parts>
  void print(const Parts&... parts) const {
    if (is_local_main_process()) ((std::cout << ... << parts) << std::endl);
  }
  // Calls the function on the main process, and on the others when it is done there; returns what
  // it returned.
  template <class Function>
  decltype(auto) main_process_first(Function&& function) {
    internal::InTurn turn(communicator(), is_main_process());
    return std::invoke(std::forward<Function>(function));
  }

 private:
  Communicator& communicator() { return session_->communicator(); }

  template <class Value, class Operation>
  Value each(Value value, Operation&& operation) {
    visit_tensors(value, [&](at::Tensor& tensor) {
      if (tensor.defined()) tensor = operation(session_->to_device(tensor));
    });
    return value;
  }

  std::shared_ptr<Session> session_;
};

}  // namespace accelerate
