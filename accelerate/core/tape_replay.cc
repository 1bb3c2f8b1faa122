#include "accelerate/core/tape_replay.h"

#include <ATen/ops/empty.h>
#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>

#include <algorithm>
#include <memory>
#include <unordered_set>
#include <utility>

#include "accelerate/core/session.h"
#include "accelerate/core/step_recording.h"
#include "accelerate/tape/memory_watch.h"
#include "accelerate/tape/recording.h"
#include "accelerate/tape/recording_summary.h"
#include "accelerate/tape/tape.h"

namespace accelerate {
namespace {

struct Gradient {
  at::Tensor parameter;
  at::Tensor gradient;
};

// Where one was that was there when a step began. Weak, because some look at how many hold a
// gradient.
struct FormerGradient {
  at::Tensor parameter;
  c10::weak_intrusive_ptr<c10::StorageImpl> storage;
  std::vector<int64_t> sizes, strides;
  int64_t offset;

  bool is_there() const {
    const at::Tensor& now = parameter.grad();
    return now.defined() && now.has_storage() &&
           now.storage().unsafeGetStorageImpl() == storage._unsafe_get_target() &&
           now.storage_offset() == offset && now.sizes() == sizes && now.strides() == strides;
  }
};

// Where a gradient was that the engine had put there. Weak, as above: only operators of the step
// that work on it keep its memory.
struct PlacedGradient {
  at::Tensor parameter;
  WeakTensor gradient;
  c10::weak_intrusive_ptr<c10::StorageImpl> storage;
  std::vector<int64_t> sizes, strides;
  int64_t offset;
  // Whether operators of the tape work on it. Otherwise it may be the program's by now.
  bool is_needed = true;

  // Whether the program holds it, besides the parameter and at first the engine.
  bool is_kept() const {
    const at::Tensor& now = parameter.grad();
    if (!now.defined() || !now.has_storage() ||
        now.storage().unsafeGetStorageImpl() != storage._unsafe_get_target())
      return false;
    return now.use_count() > (gradient._unsafe_get_target() == now.unsafeGetTensorImpl() ? 2 : 1);
  }

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

using PlacedGradients = std::vector<std::shared_ptr<PlacedGradient>>;

// What autograd and the program put in the place of `.grad` while a step is recorded.
class GradientObserver final : public HostObserver {
 public:
  explicit GradientObserver(Session& session) : session_(session) {
    std::unordered_set<const c10::TensorImpl*> seen;
    const auto add = [&](const at::Tensor& parameter) {
      if (!seen.insert(parameter.unsafeGetTensorImpl()).second) return;
      parameters_.push_back(parameter);
      gradients_.emplace_back(parameter.grad().getIntrusivePtr());
    };
    for (const auto& model : session.models().live()) {
      for (const NamedParameter& parameter : model->parameters) add(parameter.tensor);
    }
    for (const auto& optimizer : session.optimizers().optimizers()) {
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
  std::function<void()> after_work(std::vector<NamedMemory>& named) override {
    PlacedGradients placed;
    for (size_t i = 0; i < parameters_.size(); ++i) {
      if (!note(i)) continue;
      const at::Tensor& gradient = parameters_[i].grad();
      if (!gradient.defined() || gradient.layout() != at::kStrided) continue;
      placed.push_back(std::make_shared<PlacedGradient>(
          PlacedGradient{parameters_[i], WeakTensor(gradient.getIntrusivePtr()),
                         gradient.storage().getWeakStorageImpl(), gradient.sizes().vec(),
                         gradient.strides().vec(), gradient.storage_offset()}));
      named.push_back(name(i));
    }
    if (placed.empty()) return nullptr;
    placed_.insert(placed_.end(), placed.begin(), placed.end());
    return [placed] {
      for (const auto& each : placed) {
        if (each->is_needed) each->bring_back();
      }
    };
  }

  bool is_at_rest() const override { return !session_.models().is_syncing(); }
  std::vector<c10::Storage> gradients() const override {
    std::vector<c10::Storage> storages;
    for (const at::Tensor& parameter : parameters_) {
      const at::Tensor& gradient = parameter.grad();
      if (gradient.defined() && gradient.has_storage()) storages.push_back(gradient.storage());
    }
    return storages;
  }

  const std::vector<at::Tensor>& parameters() const { return parameters_; }
  const PlacedGradients& placed() const { return placed_; }
  // Of the gradient of a parameter.
  NamedMemory name(size_t i) const {
    return {c10::str("gradient ", i), parameters_[i].grad().storage().unsafeGetStorageImpl()};
  }

 private:
  // Whether it is another one now.
  bool note(size_t i) {
    const at::Tensor& gradient = parameters_[i].grad();
    if (gradients_[i]._unsafe_get_target() == gradient.unsafeGetTensorImpl()) return false;
    gradients_[i] = WeakTensor(gradient.getIntrusivePtr());
    return true;
  }

  Session& session_;
  std::vector<at::Tensor> parameters_;
  std::vector<WeakTensor> gradients_;
  PlacedGradients placed_;
};

class TapeReplay final : public StepReplay {
 public:
  explicit TapeReplay(std::shared_ptr<Session> session) : session_(std::move(session)) {}

  RecordingAttempt record(const std::vector<at::Tensor>& recorded,
                          const std::vector<at::Tensor>& inputs,
                          const std::function<void()>& call) override;
  std::optional<std::string> prepare() override;
  void replay(const std::vector<at::Tensor>&, const std::vector<at::Tensor>& inputs) override {
    try {
      tape_->replay(inputs);
    } catch (...) {
      session_->models().abandon_sync();
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
  std::optional<MemoryWatch> watch_;
  PlacedGradients placed_;
};

std::vector<size_t> written_inputs(const Recording& recording) {
  std::vector<size_t> written;
  for (const RecordedStorage& each : recording.storages) {
    if (each.kind == RecordedStorage::Kind::kInput && each.is_written)
      written.push_back(each.index);
  }
  return written;
}

bool lies_in(const at::Tensor& tensor, const c10::StorageImpl* storage) {
  return tensor.defined() && tensor.has_storage() &&
         tensor.storage().unsafeGetStorageImpl() == storage;
}

// A recording works on copies of its inputs: what is written to their memory by another name does
// not reach these.
void check_writes_besides(const Recording& recording, const std::vector<at::Tensor>& inputs) {
  for (const RecordedStorage& each : recording.storages) {
    if (each.kind != RecordedStorage::Kind::kOutside || !each.is_written) continue;
    for (size_t i = 0; i < inputs.size(); ++i) {
      TORCH_CHECK(!lies_in(inputs[i], each.storage.unsafeGetStorageImpl()),
                  "a captured step writes the memory of its input ", i,
                  " by another name, too, so that what this call has done may be wrong; give the "
                  "step a clone() of it");
    }
  }
}

RecordingAttempt TapeReplay::record(const std::vector<at::Tensor>& recorded,
                                    const std::vector<at::Tensor>& inputs,
                                    const std::function<void()>& call) {
  session_->models().restore_layout();
  GradientObserver observer(*session_);
  RecordOptions options{.observer = &observer, .earlier = first_ ? &first_->trace() : nullptr};
  std::vector<FormerGradient> before;
  for (size_t i = 0; i < observer.parameters().size(); ++i) {
    const at::Tensor& parameter = observer.parameters()[i];
    const at::Tensor& gradient = parameter.grad();
    if (!gradient.defined() || !gradient.has_storage()) continue;
    options.named.push_back(observer.name(i));
    before.push_back({parameter, gradient.storage().getWeakStorageImpl(), gradient.sizes().vec(),
                      gradient.strides().vec(), gradient.storage_offset()});
  }
  const std::vector<const void*> addresses = addresses_of(*session_);
  Recording recording = accelerate::record(recorded, call, options);
  RecordingAttempt attempt{
      .is_done = true, .written = written_inputs(recording), .obstacle = recording.obstacle};
  check_writes_besides(recording, inputs);
  if (attempt.obstacle) return attempt;
  if (!first_) {
    first_.emplace(recording);
    return attempt;
  }
  attempt.obstacle = first_->difference(recording);
  if (attempt.obstacle) return attempt;
  std::unordered_set<const c10::StorageImpl*> placed;
  for (const RecordedStorage& each : recording.storages) {
    if (each.is_placed) placed.insert(each.storage.unsafeGetStorageImpl());
  }
  // What an older one holds is not held by the program.
  watch_.reset();
  tape_.reset();
  watch_.emplace(recording);
  tape_ = std::make_unique<Tape>(std::move(recording), recorded);
  watch_->begin(observer.parameters());
  placed_.clear();
  for (const auto& each : observer.placed()) {
    each->is_needed = tape_->uses(each->storage._unsafe_get_target());
    if (each->is_needed) placed_.push_back(each);
  }
  gradients_.clear();
  for (FormerGradient& each : before) {
    const auto* storage = each.storage._unsafe_get_target();
    if (tape_->uses(storage) && !placed.contains(storage)) gradients_.push_back(std::move(each));
  }
  addresses_ = addresses;
  ended_joins_ = session_->uneven_inputs().ended();
  attempt.is_ready = true;
  return attempt;
}

std::optional<std::string> TapeReplay::prepare() {
  session_->models().restore_layout();
  if (addresses_of(*session_) != addresses_ || session_->uneven_inputs().ended() != ended_joins_)
    return "parameters or buffers lie elsewhere";
  const bool same_gradients =
      std::all_of(gradients_.begin(), gradients_.end(),
                  [](const FormerGradient& each) { return each.is_there(); });
  if (!same_gradients) return "other gradients are there when it begins";
  if (std::any_of(placed_.begin(), placed_.end(), [](const auto& each) { return each->is_kept(); }))
    return MemoryWatch::kept();
  return watch_->change();
}

}  // namespace

StepReplays tape_replays(std::shared_ptr<Session> session) {
  return {.make = [session = std::move(session)] { return std::make_unique<TapeReplay>(session); },
          .take_windows = true,
          .compare = true};
}

}  // namespace accelerate
