#include "accelerate/core/graph_replay.h"

#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <exception>
#include <utility>

#include "accelerate/core/session.h"
#include "accelerate/core/step_recording.h"

namespace accelerate {
namespace {

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

class GraphReplay final : public StepReplay {
 public:
  GraphReplay(std::shared_ptr<Session> session, std::shared_ptr<GraphRecorder> recorder)
      : session_(std::move(session)), recorder_(std::move(recorder)) {}

  void warm_up(const std::function<void()>& call) override { recorder_->run(call); }
  RecordingAttempt record(const std::vector<at::Tensor>& recorded,
                          const std::vector<at::Tensor>& inputs,
                          const std::function<void()>& call) override;
  std::optional<std::string> prepare() override {
    if (recording_.prepare()) return std::nullopt;
    return "what it works on lies elsewhere";
  }
  void replay(const std::vector<at::Tensor>& recorded,
              const std::vector<at::Tensor>& inputs) override;

 private:
  std::shared_ptr<Session> session_;
  std::shared_ptr<GraphRecorder> recorder_;
  std::unique_ptr<Graph> graph_;
  StepRecording recording_;
};

RecordingAttempt GraphReplay::record(const std::vector<at::Tensor>& /*recorded*/,
                                     const std::vector<at::Tensor>& inputs,
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
    recording_ = recorder.finish();
    graph_ = std::move(graph);
    return {.is_ready = true};
  }
  return {.obstacle =
              failure.empty() ? "another process could not capture it" : first_line(failure)};
}

void GraphReplay::replay(const std::vector<at::Tensor>& recorded,
                         const std::vector<at::Tensor>& inputs) {
  c10::AutoGradMode no_grad(false);
  for (size_t i = 0; i < recorded.size(); ++i) {
    if (recorded[i].defined()) recorded[i].copy_(inputs[i], /*non_blocking=*/true);
  }
  graph_->replay();
  recording_.complete();
}

}  // namespace

StepReplays graph_replays(std::shared_ptr<Session> session,
                          std::unique_ptr<GraphRecorder> recorder) {
  if (recorder == nullptr) return {.obstacle = "this device has no graphs"};
  std::shared_ptr<GraphRecorder> shared = std::move(recorder);
  const bool in_lockstep = session->process().world_size > 1;
  return {.make = [session = std::move(session),
                   shared] { return std::make_unique<GraphReplay>(session, shared); },
          .in_lockstep = in_lockstep};
}

}  // namespace accelerate
