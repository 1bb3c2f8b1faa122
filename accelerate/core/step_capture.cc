#include "accelerate/core/step_capture.h"

#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <torch/nn/module.h>

#include <algorithm>
#include <exception>

#include "accelerate/core/session.h"

namespace accelerate {
namespace {

template <class Number>
void append(std::string& kind, Number number) {
  kind.append(reinterpret_cast<const char*>(&number), sizeof(number));
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
  for (const auto& model : session.models()) {
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

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

StepCapture::StepCapture(std::shared_ptr<Session> session, const CaptureOptions& options,
                         std::unique_ptr<GraphRecorder> recorder, std::string reason)
    : session_(std::move(session)), options_(options), recorder_(std::move(recorder)) {
  TORCH_CHECK(options.warm_up_steps >= 1, "capture: warm_up_steps is ", options.warm_up_steps,
              "; give 1 or more, as a rule 3");
  TORCH_CHECK(options.max_recordings >= 1, "capture: max_recordings is ", options.max_recordings,
              "; give 1 or more, as a rule 8");
  if (recorder_ == nullptr) refusal_ = std::move(reason);
}

bool StepCapture::on_several_processes() const { return session_->process().world_size > 1; }

StepCapture::Entry* StepCapture::find(const std::string& types,
                                      const std::vector<at::Tensor>& inputs) {
  if (session_->accumulation().num_steps() > 1 && !refusal_)
    refusal_ = "gradients are accumulated over several batches, and each of them takes other work";
  if (refusal_) {
    if (!told_ && session_->process().is_local_main())
      TORCH_WARN("this step is not captured and runs as it is: ", *refusal_);
    told_ = true;
    return nullptr;
  }
  if (session_->in_scope()) return nullptr;
  ++calls_;
  const std::string kind = kind_of(types, inputs, *session_);
  const bool is_new = !entries_.contains(kind);
  if (is_new && (entries_.size() >= kMostKinds || (!on_several_processes() && !may_record())))
    return nullptr;
  Entry& entry = entries_[kind];
  // The session is set up by now; what is new is only the shape.
  if (is_new && entries_.size() > 1) entry.runs = options_.warm_up_steps - 1;
  // All ranks record in the same call, whatever kinds each has had until then.
  if (on_several_processes() && entry.graph == nullptr) entry.runs = calls_ - 1;
  const bool is_warm_up = entry.runs < options_.warm_up_steps;
  return entry.graph != nullptr || is_warm_up || may_record() ? &entry : nullptr;
}

bool StepCapture::may_record() const {
  if (on_several_processes()) return calls_ == options_.warm_up_steps + 1;
  const auto recordings = std::count_if(entries_.begin(), entries_.end(), [](const auto& entry) {
    return entry.second.graph != nullptr;
  });
  return recordings < options_.max_recordings;
}

bool StepCapture::is_replay(Entry& entry) {
  if (entry.graph == nullptr) return entry.runs >= options_.warm_up_steps;
  if (entry.recording.prepare()) return true;
  // Once as it is, so that what is new is set up outside of a recording.
  entry.graph.reset();
  entry.runs = options_.warm_up_steps - 1;
  if (on_several_processes())
    refusal_ = "what it works on was moved, and this rank cannot record it again by itself";
  return false;
}

void StepCapture::warm_up(Entry& entry, const std::function<void()>& call) {
  ++entry.runs;
  recorder_->run(call);
}

bool StepCapture::record(Entry& entry, const std::vector<at::Tensor>& inputs,
                         const std::function<void()>& call) {
  SessionRecorder recorder(*session_);
  std::unique_ptr<Graph> graph;
  std::string failure;
  try {
    for (const at::Tensor& input : inputs) {
      TORCH_CHECK(!input.defined() || input.device() == session_->process().device,
                  "an input is on ", input.device(),
                  " and not on the device of the training; move it there before the step");
    }
    graph = recorder_->record(call);
  } catch (const c10::Error& error) {
    failure = error.what_without_backtrace();
  } catch (const std::exception& error) {
    failure = error.what();
  }
  // One rank must not wait for the others in a collective that they have in a graph.
  if (session_->all_agree(failure.empty())) {
    entry.recording = recorder.finish();
    entry.graph = std::move(graph);
    return true;
  }
  refusal_ = failure.empty() ? "another process could not capture it" : first_line(failure);
  return false;
}

void StepCapture::replay(Entry& entry, const std::vector<at::Tensor>& recorded,
                         const std::vector<at::Tensor>& inputs) {
  c10::AutoGradMode no_grad(false);
  for (size_t i = 0; i < recorded.size(); ++i) {
    if (recorded[i].defined()) recorded[i].copy_(inputs[i], /*non_blocking=*/true);
  }
  entry.graph->replay();
  entry.recording.complete();
}

}  // namespace accelerate
