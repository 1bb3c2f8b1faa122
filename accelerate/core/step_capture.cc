#include "accelerate/core/step_capture.h"

#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <torch/nn/module.h>

#include <exception>
#include <sstream>

#include "accelerate/core/session.h"

namespace accelerate {
namespace {

// What a recording depends on, besides the program's own decisions.
std::string kind_of(const std::string& types, const std::vector<at::Tensor>& inputs,
                    const Session& session) {
  std::ostringstream kind;
  kind << types;
  for (const at::Tensor& input : inputs) {
    if (input.defined()) {
      kind << '|' << input.scalar_type() << input.device() << input.sizes() << input.strides()
           << input.requires_grad();
    } else {
      kind << "|none";
    }
  }
  kind << '|' << c10::GradMode::is_enabled();
  for (const auto& model : session.models()) kind << model->module->is_training();
  return kind.str();
}

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

StepCapture::Entry* StepCapture::find(const std::string& types,
                                      const std::vector<at::Tensor>& inputs) {
  if (refusal_) {
    if (!told_ && session_->process().is_local_main())
      TORCH_WARN("this step is not captured and runs as it is: ", *refusal_);
    told_ = true;
    return nullptr;
  }
  const std::string kind = kind_of(types, inputs, *session_);
  const auto found = entries_.find(kind);
  if (found != entries_.end()) return &found->second;
  if (static_cast<int>(entries_.size()) >= options_.max_recordings) return nullptr;
  Entry& entry = entries_[kind];
  // The session is set up by now; what is new is only the shape.
  if (entries_.size() > 1) entry.runs = options_.warm_up_steps - 1;
  return &entry;
}

bool StepCapture::is_replay(Entry& entry) {
  if (entry.runs < options_.warm_up_steps) return false;
  if (entry.graph && !entry.recording.prepare()) entry.graph.reset();
  return true;
}

void StepCapture::warm_up(Entry& entry, const std::function<void()>& call) {
  ++entry.runs;
  recorder_->run(call);
}

bool StepCapture::record(Entry& entry, const std::function<void()>& call) {
  std::string failure;
  {
    SessionRecorder recorder(*session_);
    try {
      entry.graph = recorder_->record(call);
      entry.recording = recorder.finish();
    } catch (const c10::Error& error) {
      failure = error.what_without_backtrace();
    } catch (const std::exception& error) {
      failure = error.what();
    }
  }
  // One rank must not wait for the others in a collective that they have in a graph.
  const bool all_did = session_->all_agree(failure.empty());
  if (all_did) return true;
  refusal_ = failure.empty() ? "another process could not capture it" : first_line(failure);
  entry.graph.reset();
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
