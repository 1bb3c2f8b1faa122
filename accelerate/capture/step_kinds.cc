#include "accelerate/capture/step_kinds.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>

#include <algorithm>
#include <unordered_set>

#include "accelerate/capture/graph_replay.h"
#include "accelerate/capture/input_changes.h"
#include "accelerate/capture/step_key.h"
#include "accelerate/capture/tape_replay.h"
#include "accelerate/engine/session.h"
#include "accelerate/host_work/host_work.h"
#include "accelerate/phases/phases.h"
#include "accelerate/tape/tape.h"

namespace accelerate {
namespace {

bool are_same(const StepArguments& one, const StepArguments& other) {
  return one.rest == other.rest &&
         std::equal(one.tensors.begin(), one.tensors.end(), other.tensors.begin(),
                    other.tensors.end(),
                    [](const at::Tensor& a, const at::Tensor& b) { return a.is_same(b); });
}

std::vector<const void*> addresses_in(
    const std::vector<std::shared_ptr<torch::nn::Module>>& modules) {
  std::vector<const void*> addresses;
  const auto add = [&addresses](const std::vector<at::Tensor>& tensors) {
    for (const at::Tensor& tensor : tensors)
      addresses.push_back(is_dense(tensor) ? tensor.const_data_ptr() : nullptr);
  };
  for (const auto& module : modules) add(module->parameters()), add(module->buffers());
  return addresses;
}

void check_replays(const StepKinds::Kind& kind, const std::string& difference) {
  TORCH_CHECK(
      kind.replays == 0,
      "a captured step no longer does what it did when it was recorded, and the replays since "
      "the last comparison may have done what it did then: ",
      difference, ". Call capture() again after such a change");
}

constexpr const char* kAssigns =
    "it assigns to one of its arguments, which a replay does not do; let it return the value, or "
    "assign to one of its own variables";

// For a program whose inputs never come twice.
constexpr size_t kMostKinds = 64;
// For one that puts what the step works on elsewhere every few calls.
constexpr int kMostMoves = 8;
constexpr int64_t kFewReplays = 8;

}  // namespace

std::shared_ptr<StepKinds> StepKinds::make(std::shared_ptr<Session> session,
                                           const CaptureOptions& options) {
  const c10::Device device = session->process().device;
  ReplayFactory replays = device.is_cpu()
                              ? tape_replays({.models = session->models(),
                                              .optimizers = session->optimizers(),
                                              .uneven_inputs = session->uneven_inputs()})
                              : graph_replays(session, GraphRecorder::make(device));
  return std::make_shared<StepKinds>(std::move(session), options, std::move(replays));
}

StepKinds::StepKinds(std::shared_ptr<Session> session, const CaptureOptions& options,
                     ReplayFactory replays)
    : session_(std::move(session)), options_(options), replays_(std::move(replays)) {
  TORCH_CHECK(options.warm_up_steps >= 1, "capture: warm_up_steps is ", options.warm_up_steps,
              "; give 1 or more, typically 3");
  TORCH_CHECK(options.max_recordings >= 1, "capture: max_recordings is ", options.max_recordings,
              "; give 1 or more, typically 8");
  TORCH_CHECK(options.compare_after >= 0, "capture: compare_after is ", options.compare_after,
              "; give a number of replays, or 0 for never");
  for (const auto& module : options.modules)
    TORCH_CHECK(module != nullptr, "capture: one of the modules is null");
  if (replays_.make == nullptr) refusal_ = replays_.obstacle;
}

void StepKinds::refuse(std::string why) {
  if (!refusal_) refusal_ = std::move(why);
}

StepKinds::Kind* StepKinds::find(const StepArguments& arguments) {
  const std::vector<at::Tensor>& inputs = arguments.tensors;
  for (size_t i = 0; i < inputs.size() && !refusal_; ++i) {
    if (inputs[i].defined() && inputs[i].requires_grad())
      refuse(c10::str("input ", i,
                      " requires grad, but no gradient flows back out of a replay; pass its "
                      "detach() to the step, or let the step compute it"));
  }
  if (!replays_.take_windows && session_->accumulation().num_steps() > 1 && !refusal_)
    refusal_ =
        "gradients are accumulated over several batches, and each batch needs different work";
  if (refusal_) {
    if (!told_ && session_->process().is_local_main())
      TORCH_WARN("this step is not captured and runs as it is: ", *refusal_);
    told_ = true;
    return nullptr;
  }
  if (session_->backward_pass().is_watched()) return nullptr;
  // Within another captured step that is being recorded its operators are part of that one.
  if (HostWorkRecorder::current() != nullptr) return nullptr;
  if (session_->uneven_inputs().is_open() ||
      (!replays_.take_windows && session_->models().in_scope()))
    return nullptr;
  ++calls_;
  windows_before_ = session_->accumulation().begun();
  passes_before_ = session_->optimizers().passes();
  const std::string key = key_of(arguments, {.device = session_->process().device,
                                             .loss_scale = session_->loss_scale(),
                                             .window = session_->accumulation(),
                                             .pass = session_->active_loaders()->current(),
                                             .most_windows = most_windows_,
                                             .models = session_->models(),
                                             .optimizers = session_->optimizers(),
                                             .modules = options_.modules});
  const bool is_new = !kinds_.contains(key);
  if (is_new && (kinds_.size() >= kMostKinds || (!replays_.in_lockstep && !may_record())))
    return nullptr;
  Kind& kind = kinds_[key];
  // The session is set up by now; what is new is only the shape.
  if (is_new && kinds_.size() > 1) kind.runs = options_.warm_up_steps - 1;
  // All ranks record in the same call, whatever kinds each has had until then.
  if (replays_.in_lockstep && !kind.is_ready) kind.runs = calls_ - 1;
  const bool is_warm_up = kind.runs < options_.warm_up_steps;
  return kind.is_ready || is_warm_up || may_record() ? &kind : nullptr;
}

void StepKinds::count_windows() {
  most_windows_ = std::max(most_windows_, session_->accumulation().begun() - windows_before_);
}

bool StepKinds::may_record() const {
  if (replays_.in_lockstep) return calls_ == options_.warm_up_steps + 1;
  const auto recordings = std::count_if(kinds_.begin(), kinds_.end(),
                                        [](const auto& kind) { return kind.second.is_ready; });
  return recordings < options_.max_recordings;
}

bool StepKinds::must_compare(const Kind& kind) const {
  return replays_.compare && options_.compare_after > 0 && kind.replays >= kind.compare_at;
}

bool StepKinds::must_record(const Kind& kind) const { return !kind.is_ready || must_compare(kind); }

std::vector<std::shared_ptr<torch::nn::Module>> StepKinds::modules() const {
  std::vector<std::shared_ptr<torch::nn::Module>> modules = options_.modules;
  for (const auto& model : session_->models().live()) modules.push_back(model->module);
  return modules;
}

void StepKinds::note_modules(Kind& kind) const {
  kind.rates = DropoutRates(modules());
  kind.addresses = addresses_in(options_.modules);
}

std::optional<std::string> StepKinds::change_of_modules(const Kind& kind) const {
  if (!kind.rates.are_as_noted()) return "a dropout rate has changed";
  if (!options_.modules.empty() && addresses_in(options_.modules) != kind.addresses)
    return "parameters or buffers have moved";
  return std::nullopt;
}

bool StepKinds::is_replay(Kind& kind) {
  if (!kind.is_ready) return kind.runs >= options_.warm_up_steps;
  std::optional<std::string> change = change_of_modules(kind);
  if (!change) change = kind.replay->prepare();
  if (!change) return true;
  // Once as it is, so that what is new is set up outside of a recording.
  const auto set_up_anew = [this](Kind& each) {
    each.is_ready = false;
    each.replay.reset();
    each.runs = options_.warm_up_steps - 1;
  };
  set_up_anew(kind);
  // The end of one graph gives back what cuBLAS keeps for their stream, and with it all others end.
  for (auto& [key, other] : kinds_) {
    if (replays_.compare || &other == &kind || !other.is_ready) continue;
    set_up_anew(other);
    other.replays = 0;
  }
  if (replays_.in_lockstep)
    refuse(c10::str(*change, ", and this rank cannot record the step again by itself"));
  kind.moves = kind.replays < kFewReplays ? kind.moves + 1 : 1;
  kind.replays = 0;
  if (kind.moves > kMostMoves)
    refuse(c10::str(*change, ", and this happens again every few calls"));
  return false;
}

void StepKinds::warm_up(Kind& kind, const std::vector<at::Tensor>& inputs,
                        const std::function<void()>& call) {
  ++kind.runs;
  if (kind.replay == nullptr) kind.replay = replays_.make();
  const InputChanges changes(inputs);
  kind.replay->warm_up(call);
  count_windows();
  if (auto obstacle = obstacle_of(inputs, inputs, changes.versions_raised()))
    refuse(std::move(*obstacle));
}

void StepKinds::note_result(Kind& kind, const StepArguments& result) {
  const bool has_graph =
      std::any_of(result.tensors.begin(), result.tensors.end(),
                  [](const at::Tensor& tensor) { return tensor.requires_grad(); });
  // After a backward pass the graph of the loss is used up.
  if (has_graph && session_->optimizers().passes() == passes_before_)
    refuse(
        "it returns a tensor that requires grad and has run no accelerator.backward(), but no "
        "gradient flows back into a replay; run the backward pass in the step, or return the "
        "tensor's detach()");
  if (!kind.returned) kind.returned = result.rest;
  if (*kind.returned == result.rest) return;
  refuse(
      "it returns different numbers, strings or container sizes in each call; return them in "
      "tensors, or compute them outside of the step");
  check_replays(kind, *refusal_);
}

at::Tensor StepKinds::own_copy(const at::Tensor& tensor) {
  c10::AutoGradMode no_grad(false);
  // A replay gives it the plain memory of other values.
  const at::Tensor plain = tensor.detach().resolve_conj().resolve_neg();
  if (!is_dense(plain) || !plain.is_cpu()) return plain.clone();
  const at::Tensor row = row_of_memory(plain);
  // Kernels take other ways, and round otherwise, with memory that is aligned otherwise.
  const size_t misaligned = reinterpret_cast<size_t>(row.const_data_ptr()) % kAlignment;
  const int64_t offset = misaligned / row.element_size();
  const at::Tensor memory = at::empty({offset + row.numel()}, row.options());
  memory.narrow(0, offset, row.numel()).copy_(row);
  // Not a view, which would hold what it is one of: a replay looks who holds its inputs.
  at::Tensor own = at::empty({0}, row.options());
  own.set_(memory.storage(), offset, plain.sizes(), plain.strides());
  return own;
}

void StepKinds::refuse_assignments(const StepArguments& before, const StepArguments& after) {
  if (!are_same(before, after)) refuse(kAssigns);
}

void StepKinds::check_no_assignments(const StepArguments& before, const StepArguments& after) {
  TORCH_CHECK(are_same(before, after), "in this call of a captured step, unlike in earlier ones, ",
              kAssigns);
}

std::optional<size_t> StepKinds::input_of_training(const std::vector<at::Tensor>& inputs) const {
  std::unordered_set<const c10::StorageImpl*> memory;
  const auto add = [&memory](const at::Tensor& tensor) {
    if (is_dense(tensor)) memory.insert(tensor.storage().unsafeGetStorageImpl());
  };
  const auto add_parameter = [&add](const at::Tensor& tensor) { add(tensor), add(tensor.grad()); };
  for (const auto& module : modules()) {
    for (const at::Tensor& parameter : module->parameters()) add_parameter(parameter);
    for (const at::Tensor& buffer : module->buffers()) add(buffer);
  }
  for (const auto& optimizer : session_->optimizers().live()) {
    for (const auto& group : optimizer->optimizer->param_groups()) {
      for (const at::Tensor& parameter : group.params()) add_parameter(parameter);
    }
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (is_dense(inputs[i]) && memory.contains(inputs[i].storage().unsafeGetStorageImpl()))
      return i;
  }
  return std::nullopt;
}

RecordingAttempt StepKinds::record(Kind& kind, const std::vector<at::Tensor>& recorded,
                                   const std::vector<at::Tensor>& inputs,
                                   const std::function<void()>& call) {
  if (const auto i = input_of_training(inputs)) {
    refuse(c10::str("input ", *i,
                    " shares its memory with a parameter, a gradient or a buffer; pass a "
                    "clone() of it, or let the step use that tensor directly"));
    return {};
  }
  if (kind.replay == nullptr) kind.replay = replays_.make();
  const InputChanges changes(recorded);
  // Also for a device, which does nothing meanwhile: no step may end within a recording.
  const PhaseScope recording(Phase::kCaptured);
  // What it throws leaves nothing to replay.
  kind.is_ready = false;
  RecordingAttempt attempt = kind.replay->record(recorded, inputs, [&] {
    call();
    const auto obstacle = obstacle_of(inputs, recorded, changes.versions_raised());
    TORCH_CHECK(!obstacle, "in this call of a captured step, unlike in earlier ones, ", *obstacle);
  });
  count_windows();
  kind.written = changes.written(inputs, attempt.written);
  if (!attempt.obstacle) attempt.obstacle = obstacle_of(inputs, recorded, kind.written);
  if (const auto i = changes.first_moved()) {
    attempt.obstacle = c10::str("it changes the shape or the memory of its input ", *i,
                                ", which a replay would not do to the "
                                "program's tensor; let it return the tensor");
    if (attempt.is_done) changes.move_along(inputs);
  }
  if (attempt.is_done) bring_back(kind, recorded, inputs);
  if (attempt.obstacle) {
    refuse(*attempt.obstacle);
    check_replays(kind, *attempt.obstacle);
  }
  kind.is_ready = attempt.is_ready;
  if (!attempt.is_ready) return attempt;
  note_modules(kind);
  kind.compare_at = kind.replays == 0 ? options_.compare_after : 4 * kind.compare_at;
  return attempt;
}

void StepKinds::bring_back(const Kind& kind, const std::vector<at::Tensor>& recorded,
                           const std::vector<at::Tensor>& inputs) {
  c10::AutoGradMode no_grad(false);
  for (const size_t i : kind.written) {
    if (recorded[i].const_data_ptr() != inputs[i].const_data_ptr()) inputs[i].copy_(recorded[i]);
  }
}

void StepKinds::look_for_writes(Kind& kind, const std::vector<at::Tensor>& recorded,
                                const std::vector<at::Tensor>& inputs) {
  c10::AutoGradMode no_grad(false);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool is_known =
        std::find(kind.written.begin(), kind.written.end(), i) != kind.written.end();
    if (is_known || !is_dense(recorded[i])) continue;
    const at::Tensor &now = recorded[i], &before = inputs[i];
    // NaN is what it was.
    const at::Tensor is_same = (now == before) | ((now != now) & (before != before));
    if (!is_same.all().item<bool>()) kind.written.push_back(i);
  }
}

void StepKinds::replay(Kind& kind, const std::vector<at::Tensor>& recorded,
                       const std::vector<at::Tensor>& inputs) {
  const PhaseScope replaying(Phase::kCaptured);
  kind.replay->replay(recorded, inputs);
  if (kind.replays == 0 && !replays_.compare) look_for_writes(kind, recorded, inputs);
  bring_back(kind, recorded, inputs);
  ++kind.replays;
}

}  // namespace accelerate
