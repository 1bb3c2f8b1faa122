#include "accelerate/core/tape_replay.h"

#include <ATen/ops/empty.h>
#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "accelerate/core/session.h"
#include "accelerate/core/step_recording.h"
#include "accelerate/tape/recording.h"
#include "accelerate/tape/recording_summary.h"
#include "accelerate/tape/tape.h"

namespace accelerate {
namespace {

using WeakTensor = c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;

struct Gradient {
  at::Tensor parameter;
  at::Tensor gradient;
};

// One that was there when a step began. Weak, because some look at how many hold a gradient.
struct FormerGradient {
  at::Tensor parameter;
  WeakTensor gradient;
  const c10::StorageImpl* storage;
};

// Where a gradient was that the engine had put there. Weak, as above: only operators of the step
// that work on it keep its memory.
struct PlacedGradient {
  at::Tensor parameter;
  c10::weak_intrusive_ptr<c10::StorageImpl> storage;
  std::vector<int64_t> sizes, strides;
  int64_t offset;

  // The engine takes other memory when somebody holds a gradient.
  void bring_back() const {
    at::Tensor& gradient = parameter.mutable_grad();
    auto held = storage.lock();
    if (!held || !gradient.defined() || gradient.storage().unsafeGetStorageImpl() == held.get())
      return;
    const at::Tensor there = at::empty({0}, gradient.options());
    there.set_(c10::Storage(std::move(held)), offset, sizes, strides);
    there.copy_(gradient);
    gradient = there;
  }
};

// What autograd and the program put in the place of `.grad` while a step is recorded.
class GradientObserver final : public HostObserver {
 public:
  explicit GradientObserver(Session& session) {
    std::unordered_set<const c10::TensorImpl*> seen;
    const auto add = [&](const at::Tensor& parameter) {
      if (!seen.insert(parameter.unsafeGetTensorImpl()).second) return;
      parameters_.push_back(parameter);
      gradients_.emplace_back(parameter.grad().getIntrusivePtr());
    };
    for (const auto& model : session.models()) {
      for (const NamedParameter& parameter : model->parameters) add(parameter.tensor);
    }
    for (const auto& optimizer : session.optimizer_steps().optimizers()) {
      for (const auto& group : optimizer->optimizer->param_groups()) {
        for (const at::Tensor& parameter : group.params()) add(parameter);
      }
    }
  }

  std::function<void()> changes() override {
    std::vector<Gradient> changed;
    for (size_t i = 0; i < parameters_.size(); ++i) {
      if (note(i)) changed.push_back({parameters_[i], parameters_[i].grad()});
    }
    if (changed.empty()) return nullptr;
    return [changed] {
      for (const Gradient& each : changed) {
        at::Tensor& gradient = each.parameter.mutable_grad();
        if (!gradient.is_same(each.gradient)) gradient = each.gradient;
      }
    };
  }
  std::function<void()> after_work() override {
    std::vector<PlacedGradient> placed;
    for (size_t i = 0; i < parameters_.size(); ++i) {
      if (!note(i)) continue;
      const at::Tensor& gradient = parameters_[i].grad();
      if (gradient.defined() && gradient.layout() == at::kStrided)
        placed.push_back({parameters_[i], gradient.storage().getWeakStorageImpl(),
                          gradient.sizes().vec(), gradient.strides().vec(),
                          gradient.storage_offset()});
    }
    if (placed.empty()) return nullptr;
    return [placed] {
      for (const PlacedGradient& each : placed) each.bring_back();
    };
  }

  const std::vector<at::Tensor>& parameters() const { return parameters_; }

 private:
  // Whether it is another one now.
  bool note(size_t i) {
    const at::Tensor& gradient = parameters_[i].grad();
    if (gradients_[i]._unsafe_get_target() == gradient.unsafeGetTensorImpl()) return false;
    gradients_[i] = WeakTensor(gradient.getIntrusivePtr());
    return true;
  }

  std::vector<at::Tensor> parameters_;
  std::vector<WeakTensor> gradients_;
};

class TapeReplay final : public StepReplay {
 public:
  explicit TapeReplay(std::shared_ptr<Session> session) : session_(std::move(session)) {}

  RecordingAttempt record(const std::vector<at::Tensor>& inputs,
                          const std::function<void()>& call) override;
  bool prepare() override;
  void replay(const std::vector<at::Tensor>&, const std::vector<at::Tensor>& inputs) override {
    try {
      tape_->replay(inputs);
    } catch (...) {
      session_->abandon_backward();
      throw;
    }
  }

 private:
  std::shared_ptr<Session> session_;
  std::optional<RecordingSummary> first_;
  std::unique_ptr<Tape> tape_;

  // ---- What must be as it was
  std::vector<const void*> addresses_;
  // Of the gradients that were there when the step began, those that it works on.
  std::vector<FormerGradient> gradients_;
  int64_t ended_joins_ = 0;
};

RecordingAttempt TapeReplay::record(const std::vector<at::Tensor>& inputs,
                                    const std::function<void()>& call) {
  session_->restore_layouts();
  GradientObserver observer(*session_);
  RecordOptions options{.observer = &observer};
  std::vector<FormerGradient> before;
  for (const at::Tensor& parameter : observer.parameters()) {
    const at::Tensor& gradient = parameter.grad();
    if (!gradient.defined() || !gradient.has_storage()) continue;
    const c10::StorageImpl* storage = gradient.storage().unsafeGetStorageImpl();
    options.named.push_back({c10::str("gradient ", before.size()), storage});
    before.push_back({parameter, WeakTensor(gradient.getIntrusivePtr()), storage});
  }
  const std::vector<const void*> addresses = addresses_of(*session_);
  Recording recording = accelerate::record(inputs, call, options);
  RecordingAttempt attempt{.is_done = true, .obstacle = recording.obstacle};
  if (attempt.obstacle) return attempt;
  if (!first_) {
    first_.emplace(recording);
    return attempt;
  }
  attempt.obstacle = first_->difference(recording);
  if (attempt.obstacle) return attempt;
  tape_ = std::make_unique<Tape>(std::move(recording), inputs);
  gradients_.clear();
  for (FormerGradient& each : before) {
    if (tape_->uses(each.storage)) gradients_.push_back(std::move(each));
  }
  addresses_ = addresses;
  ended_joins_ = session_->ended_joins();
  attempt.is_ready = true;
  return attempt;
}

bool TapeReplay::prepare() {
  session_->restore_layouts();
  return addresses_of(*session_) == addresses_ && session_->ended_joins() == ended_joins_ &&
         std::all_of(gradients_.begin(), gradients_.end(), [](const FormerGradient& each) {
           return each.parameter.grad().unsafeGetTensorImpl() == each.gradient._unsafe_get_target();
         });
}

}  // namespace

StepReplays tape_replays(std::shared_ptr<Session> session) {
  return {.make = [session = std::move(session)] { return std::make_unique<TapeReplay>(session); },
          .take_windows = true};
}

}  // namespace accelerate
