#include "accelerate/core/step_capture.h"

#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <torch/nn/module.h>

#include <algorithm>

#include "accelerate/core/graph_replay.h"
#include "accelerate/core/session.h"
#include "accelerate/core/tape_replay.h"

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

// What a recording depends on, besides the program's own decisions.
std::string kind_of(const std::string& types, const std::vector<at::Tensor>& inputs,
                    Session& session) {
  std::string kind = types;
  for (const at::Tensor& input : inputs) {
    append(kind, input.defined());
    if (!input.defined()) continue;
    append(kind, input.scalar_type());
    append(kind, input.requires_grad());
    for (const int64_t size : input.sizes()) append(kind, size);
    for (const int64_t stride : input.strides()) append(kind, stride);
  }
  append(kind, c10::GradMode::is_enabled());
  append(kind, at::autocast::is_autocast_enabled(session.process().device.type()));
  append(kind, session.loss_scale() != nullptr && session.loss_scale()->expects_outcome());
  append_window(kind, session.accumulation());
  // The step may begin another one.
  AccumulationWindow next = session.accumulation();
  next.begin_step(session.batches_left());
  append_window(kind, next);
  for (const auto& model : session.models()) {
    append(kind, model->no_sync_depth > 0 && !model->trigger_sync);
    for (const auto& module : model->module->modules()) append(kind, module->is_training());
    for (const NamedParameter& parameter : model->parameters) {
      append(kind, parameter.tensor.requires_grad());
      append(kind, parameter.tensor.grad().defined());
    }
  }
  return kind;
}

// For a program whose inputs never come twice.
constexpr size_t kMostKinds = 64;
// For one that puts its parameters elsewhere in each step.
constexpr int kMostMoves = 8;

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
              "; give 1 or more, as a rule 3");
  TORCH_CHECK(options.max_recordings >= 1, "capture: max_recordings is ", options.max_recordings,
              "; give 1 or more, as a rule 8");
  if (replays_.make == nullptr) refusal_ = replays_.obstacle;
}

StepCapture::Entry* StepCapture::find(const std::string& types,
                                      const std::vector<at::Tensor>& inputs) {
  if (!replays_.take_windows && session_->accumulation().num_steps() > 1 && !refusal_)
    refusal_ = "gradients are accumulated over several batches, and each of them takes other work";
  if (refusal_) {
    if (!told_ && session_->process().is_local_main())
      TORCH_WARN("this step is not captured and runs as it is: ", *refusal_);
    told_ = true;
    return nullptr;
  }
  if (session_->is_joining() || (!replays_.take_windows && session_->in_scope())) return nullptr;
  ++calls_;
  const std::string kind = kind_of(types, inputs, *session_);
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

bool StepCapture::is_replay(Entry& entry) {
  if (!entry.is_ready) return entry.runs >= options_.warm_up_steps;
  if (entry.replay->prepare()) return true;
  // Once as it is, so that what is new is set up outside of a recording.
  entry.is_ready = false;
  entry.replay.reset();
  entry.runs = options_.warm_up_steps - 1;
  if (replays_.in_lockstep)
    refusal_ = "what it works on was moved, and this rank cannot record it again by itself";
  if (++entry.moves > kMostMoves) refusal_ = "what it works on lies elsewhere in each call";
  return false;
}

void StepCapture::warm_up(Entry& entry, const std::function<void()>& call) {
  ++entry.runs;
  if (entry.replay == nullptr) entry.replay = replays_.make();
  entry.replay->warm_up(call);
}

RecordingAttempt StepCapture::record(Entry& entry, const std::vector<at::Tensor>& inputs,
                                     const std::function<void()>& call) {
  if (entry.replay == nullptr) entry.replay = replays_.make();
  RecordingAttempt attempt = entry.replay->record(inputs, call);
  if (attempt.obstacle) refusal_ = attempt.obstacle;
  entry.is_ready = attempt.is_ready;
  return attempt;
}

void StepCapture::replay(Entry& entry, const std::vector<at::Tensor>& recorded,
                         const std::vector<at::Tensor>& inputs) {
  entry.replay->replay(recorded, inputs);
  entry.moves = 0;
}

}  // namespace accelerate
