#include "accelerate/core/step_capture.h"

#include <ATen/autocast_mode.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>

#include <algorithm>
#include <unordered_set>

#include "accelerate/core/graph_replay.h"
#include "accelerate/core/session.h"
#include "accelerate/core/tape_replay.h"
#include "accelerate/tape/tape.h"

namespace accelerate {
namespace {

template <class Number>
void append(std::string& kind, Number number) {
  kind.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

void append_window(std::string& kind, const AccumulationWindow& window) {
  append(kind, window.sync_gradients());
  append(kind, window.holds_partial_sum());
  append(kind, window.loss_factor());
}

bool is_dense(const at::Tensor& tensor) {
  return tensor.defined() && tensor.layout() == at::kStrided && tensor.has_storage();
}

bool share_memory(const at::Tensor& one, const at::Tensor& other) {
  return is_dense(one) && is_dense(other) && one.storage().is_alias_of(other.storage());
}

void append_input(std::string& kind, const std::vector<at::Tensor>& inputs, size_t i) {
  const at::Tensor& input = inputs[i];
  append(kind, input.defined());
  if (!input.defined()) return;
  append(kind, input.scalar_type());
  append(kind, input.layout());
  append(kind, input.device().type());
  append(kind, input.device().index());
  append(kind, input.dim());
  for (const int64_t size : input.sizes()) append(kind, size);
  if (!is_dense(input)) return;
  for (const int64_t stride : input.strides()) append(kind, stride);
  // What is written in place is seen in both.
  size_t same = 0, shared = 0;
  while (!inputs[same].is_same(input)) ++same;
  while (!share_memory(inputs[shared], input)) ++shared;
  append(kind, same);
  append(kind, shared);
}

void append_training(std::string& kind, const torch::nn::Module& module) {
  append(kind, module.is_training());
  // Without the module itself, which need not be in a shared_ptr.
  for (const auto& each : module.modules(/*include_self=*/false)) append(kind, each->is_training());
}

// What a recording depends on, besides the program's own decisions.
std::string kind_of(const StepArguments& arguments, Session& session,
                    const CaptureOptions& options) {
  std::string kind = arguments.rest;
  for (size_t i = 0; i < arguments.tensors.size(); ++i) append_input(kind, arguments.tensors, i);
  append(kind, c10::GradMode::is_enabled());
  append(kind, at::autocast::is_autocast_enabled(session.process().device.type()));
  append(kind, session.loss_scale() != nullptr && session.loss_scale()->expects_outcome());
  append_window(kind, session.accumulation());
  // The step may begin another one.
  AccumulationWindow next = session.accumulation();
  next.begin_step(session.updates().batches_left());
  append_window(kind, next);
  for (const auto& model : session.models().live()) {
    append(kind, model->no_sync_depth > 0 && !model->trigger_sync);
    append_training(kind, *model->module);
    for (const NamedParameter& parameter : model->parameters) {
      append(kind, parameter.tensor.requires_grad());
      append(kind, parameter.tensor.grad().defined());
    }
  }
  for (const auto& module : options.modules) {
    append_training(kind, *module);
    for (const at::Tensor& parameter : module->parameters())
      append(kind, parameter.requires_grad());
  }
  return kind;
}

int64_t version_of(const at::Tensor& tensor) {
  return tensor.defined() && !tensor.is_inference() ? tensor._version() : 0;
}

std::vector<int64_t> versions_of(const std::vector<at::Tensor>& tensors) {
  std::vector<int64_t> versions;
  for (const at::Tensor& tensor : tensors) versions.push_back(version_of(tensor));
  return versions;
}

std::vector<size_t> written_since(const std::vector<int64_t>& versions,
                                  const std::vector<at::Tensor>& tensors) {
  std::vector<size_t> written;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (version_of(tensors[i]) != versions[i]) written.push_back(i);
  }
  return written;
}

// Why a replay could not do what the step has done to its inputs, where `worked_on` are those that
// it got in place of these; none when it can.
std::optional<std::string> obstacle_of(const std::vector<at::Tensor>& inputs,
                                       const std::vector<at::Tensor>& worked_on,
                                       const std::vector<size_t>& written) {
  for (size_t i = 0; i < worked_on.size(); ++i) {
    if (worked_on[i].defined() && worked_on[i].requires_grad())
      return c10::str("it makes input ", i,
                      " require grad, whose gradient a replay would not leave there; let it use "
                      "detach() of it, which is its own");
  }
  for (const size_t i : written) {
    for (const at::Tensor& other : inputs) {
      if (other.defined() && !other.is_same(inputs[i]) && share_memory(other, inputs[i]))
        return c10::str("it writes input ", i,
                        " in place, which shares its memory with another one; let it write a "
                        "clone()");
    }
  }
  return std::nullopt;
}

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

void check_replays(const StepCapture::Entry& entry, const std::string& difference) {
  TORCH_CHECK(
      entry.replays == 0,
      "a captured step does something else now than when it was recorded, and replays since "
      "it was last compared may have done what it did then: ",
      difference, ". Call capture() anew after such a change");
}

constexpr const char* kAssigns =
    "it assigns to one of its arguments, which a replay does not do; let it return the value, or "
    "assign to a variable of its own";

// For a program whose inputs never come twice.
constexpr size_t kMostKinds = 64;
// For one that puts what the step works on elsewhere every few calls.
constexpr int kMostMoves = 8;
constexpr int64_t kFewReplays = 8;

}  // namespace

std::shared_ptr<StepCapture> StepCapture::make(std::shared_ptr<Session> session,
                                               const CaptureOptions& options) {
  const c10::Device device = session->process().device;
  StepReplays replays =
      device.is_cpu() ? tape_replays(session) : graph_replays(session, GraphRecorder::make(device));
  return std::make_shared<StepCapture>(std::move(session), options, std::move(replays));
}

StepCapture::StepCapture(std::shared_ptr<Session> session, const CaptureOptions& options,
                         StepReplays replays)
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

void StepCapture::refuse(std::string why) {
  if (!refusal_) refusal_ = std::move(why);
}

StepCapture::Entry* StepCapture::find(const StepArguments& arguments) {
  const std::vector<at::Tensor>& inputs = arguments.tensors;
  for (size_t i = 0; i < inputs.size() && !refusal_; ++i) {
    if (inputs[i].defined() && inputs[i].requires_grad())
      refuse(c10::str("input ", i,
                      " requires grad, and no gradient flows back out of a replay; give the step "
                      "detach() of it, or take into the step what has made it"));
  }
  if (!replays_.take_windows && session_->accumulation().num_steps() > 1 && !refusal_)
    refusal_ = "gradients are accumulated over several batches, and each of them takes other work";
  if (refusal_) {
    if (!told_ && session_->process().is_local_main())
      TORCH_WARN("this step is not captured and runs as it is: ", *refusal_);
    told_ = true;
    return nullptr;
  }
  if (session_->uneven_inputs().is_open() ||
      (!replays_.take_windows && session_->models().in_scope()))
    return nullptr;
  ++calls_;
  const std::string kind = kind_of(arguments, *session_, options_);
  const bool is_new = !entries_.contains(kind);
  if (is_new && (entries_.size() >= kMostKinds || (!replays_.in_lockstep && !may_record())))
    return nullptr;
  Entry& entry = entries_[kind];
  // The session is set up by now; what is new is only the shape.
  if (is_new && entries_.size() > 1) entry.runs = options_.warm_up_steps - 1;
  // All ranks record in the same call, whatever kinds each has had until then.
  if (replays_.in_lockstep && !entry.is_ready) entry.runs = calls_ - 1;
  const bool is_warm_up = entry.runs < options_.warm_up_steps;
  return entry.is_ready || is_warm_up || may_record() ? &entry : nullptr;
}

bool StepCapture::may_record() const {
  if (replays_.in_lockstep) return calls_ == options_.warm_up_steps + 1;
  const auto recordings = std::count_if(entries_.begin(), entries_.end(),
                                        [](const auto& entry) { return entry.second.is_ready; });
  return recordings < options_.max_recordings;
}

bool StepCapture::must_compare(const Entry& entry) const {
  return replays_.compare && options_.compare_after > 0 && entry.replays >= entry.compare_at;
}

bool StepCapture::must_record(const Entry& entry) const {
  return !entry.is_ready || must_compare(entry);
}

std::vector<std::shared_ptr<torch::nn::Module>> StepCapture::modules() const {
  std::vector<std::shared_ptr<torch::nn::Module>> modules = options_.modules;
  for (const auto& model : session_->models().live()) modules.push_back(model->module);
  return modules;
}

void StepCapture::note_modules(Entry& entry) const {
  entry.rates = DropoutRates(modules());
  entry.addresses = addresses_in(options_.modules);
}

std::optional<std::string> StepCapture::change_of_modules(const Entry& entry) const {
  if (!entry.rates.are_as_noted()) return "a rate of dropout is another one";
  if (!options_.modules.empty() && addresses_in(options_.modules) != entry.addresses)
    return "parameters or buffers lie elsewhere";
  return std::nullopt;
}

bool StepCapture::is_replay(Entry& entry) {
  if (!entry.is_ready) return entry.runs >= options_.warm_up_steps;
  std::optional<std::string> change = change_of_modules(entry);
  if (!change) change = entry.replay->prepare();
  if (!change) return true;
  // Once as it is, so that what is new is set up outside of a recording.
  entry.is_ready = false;
  entry.replay.reset();
  entry.runs = options_.warm_up_steps - 1;
  if (replays_.in_lockstep)
    refuse(c10::str(*change, ", and this rank cannot record it again by itself"));
  entry.moves = entry.replays < kFewReplays ? entry.moves + 1 : 1;
  entry.replays = 0;
  if (entry.moves > kMostMoves) refuse(c10::str(*change, ", again and again after a few calls"));
  return false;
}

void StepCapture::warm_up(Entry& entry, const std::vector<at::Tensor>& inputs,
                          const std::function<void()>& call) {
  ++entry.runs;
  if (entry.replay == nullptr) entry.replay = replays_.make();
  const std::vector<int64_t> versions = versions_of(inputs);
  entry.replay->warm_up(call);
  if (auto obstacle = obstacle_of(inputs, inputs, written_since(versions, inputs)))
    refuse(std::move(*obstacle));
}

void StepCapture::note_result(Entry& entry, const StepArguments& result) {
  if (!entry.returned) entry.returned = result.rest;
  if (*entry.returned == result.rest) return;
  refuse(
      "it returns other numbers, strings or sizes of containers in each call; return them in "
      "tensors, or ask for them outside of the step");
  check_replays(entry, *refusal_);
}

at::Tensor StepCapture::own_copy(const at::Tensor& tensor) {
  c10::AutoGradMode no_grad(false);
  // A replay gives it the plain memory of other values.
  const at::Tensor plain = tensor.detach().resolve_conj().resolve_neg();
  if (!is_dense(plain) || !plain.is_cpu()) return plain.clone();
  const at::Tensor row = row_of_memory(plain);
  // Kernels take other ways, and round otherwise, with memory that is aligned otherwise.
  constexpr size_t kAlignment = 64;
  const size_t misaligned = reinterpret_cast<size_t>(row.const_data_ptr()) % kAlignment;
  const int64_t offset = misaligned / row.element_size();
  const at::Tensor memory = at::empty({offset + row.numel()}, row.options());
  memory.narrow(0, offset, row.numel()).copy_(row);
  // Not a view, which would hold what it is one of: a replay looks who holds its inputs.
  at::Tensor own = at::empty({0}, row.options());
  own.set_(memory.storage(), offset, plain.sizes(), plain.strides());
  return own;
}

void StepCapture::refuse_assignments(const StepArguments& before, const StepArguments& after) {
  if (!are_same(before, after)) refuse(kAssigns);
}

void StepCapture::check_no_assignments(const StepArguments& before, const StepArguments& after) {
  TORCH_CHECK(are_same(before, after), "in this call of a captured step, unlike in those before, ",
              kAssigns);
}

std::optional<size_t> StepCapture::input_of_training(const std::vector<at::Tensor>& inputs) const {
  std::unordered_set<const c10::StorageImpl*> memory;
  const auto add = [&memory](const at::Tensor& tensor) {
    if (is_dense(tensor)) memory.insert(tensor.storage().unsafeGetStorageImpl());
  };
  const auto add_parameter = [&add](const at::Tensor& tensor) { add(tensor), add(tensor.grad()); };
  for (const auto& module : modules()) {
    for (const at::Tensor& parameter : module->parameters()) add_parameter(parameter);
    for (const at::Tensor& buffer : module->buffers()) add(buffer);
  }
  for (const auto& optimizer : session_->optimizers().optimizers()) {
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

RecordingAttempt StepCapture::record(Entry& entry, const std::vector<at::Tensor>& recorded,
                                     const std::vector<at::Tensor>& inputs,
                                     const std::function<void()>& call) {
  if (const auto i = input_of_training(inputs)) {
    refuse(c10::str("input ", *i,
                    " shares its memory with a parameter, a gradient or a buffer; give it a "
                    "clone() of it, or let the step use that itself"));
    return {};
  }
  if (entry.replay == nullptr) entry.replay = replays_.make();
  const std::vector<int64_t> versions = versions_of(recorded);
  // What it throws leaves nothing to replay.
  entry.is_ready = false;
  RecordingAttempt attempt = entry.replay->record(recorded, inputs, [&] {
    call();
    const auto obstacle = obstacle_of(inputs, recorded, written_since(versions, recorded));
    TORCH_CHECK(!obstacle, "in this call of a captured step, unlike in those before, ", *obstacle);
  });
  entry.written = written_since(versions, recorded);
  // What detach() or data() of an input had written has no part in the input's version.
  for (const size_t i : attempt.written) {
    if (std::find(entry.written.begin(), entry.written.end(), i) == entry.written.end())
      entry.written.push_back(i);
  }
  if (!attempt.obstacle) attempt.obstacle = obstacle_of(inputs, recorded, entry.written);
  if (attempt.is_done) bring_back(entry, recorded, inputs);
  if (attempt.obstacle) {
    refuse(*attempt.obstacle);
    check_replays(entry, *attempt.obstacle);
  }
  entry.is_ready = attempt.is_ready;
  if (!attempt.is_ready) return attempt;
  note_modules(entry);
  entry.compare_at = entry.replays == 0 ? options_.compare_after : 4 * entry.compare_at;
  return attempt;
}

void StepCapture::bring_back(const Entry& entry, const std::vector<at::Tensor>& recorded,
                             const std::vector<at::Tensor>& inputs) {
  c10::AutoGradMode no_grad(false);
  for (const size_t i : entry.written) {
    if (recorded[i].const_data_ptr() != inputs[i].const_data_ptr()) inputs[i].copy_(recorded[i]);
  }
}

void StepCapture::replay(Entry& entry, const std::vector<at::Tensor>& recorded,
                         const std::vector<at::Tensor>& inputs) {
  entry.replay->replay(recorded, inputs);
  bring_back(entry, recorded, inputs);
  ++entry.replays;
}

}  // namespace accelerate
