#include "accelerate/capture/graph_replay.h"

#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

#include "accelerate/engine/session.h"
#include "accelerate/host_work/host_work.h"

namespace accelerate {
namespace {

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// The work on the host of a step that a device takes note of, in its order.
class DeviceRecorder final : public HostWorkRecorder {
 public:
  void take(std::shared_ptr<HostWork> work) override {
    // What it calls is a part of it.
    const bool is_outer = !std::exchange(within_work_, true);
    try {
      work->record();
    } catch (...) {
      within_work_ = !is_outer;
      throw;
    }
    within_work_ = !is_outer;
    if (is_outer) taken_.push_back(std::move(work));
  }
  at::Tensor take_tensor(const char*, std::vector<std::string>,
                         std::function<at::Tensor()> work) override {
    return work();
  }
  void on_read(const char* what) override {
    TORCH_CHECK(false, what,
                " is known only after the step; ask for it outside of the captured step");
  }
  // The device takes note of it as of all other work.
  void on_collective(const char*) override {}
  bool has_values() const override { return false; }

  std::vector<std::shared_ptr<HostWork>> taken() { return std::move(taken_); }

 private:
  std::vector<std::shared_ptr<HostWork>> taken_;
  bool within_work_ = false;
};

class GraphReplay final : public Replay {
 public:
  GraphReplay(std::shared_ptr<Session> session, std::shared_ptr<GraphRecorder> recorder)
      : session_(std::move(session)), recorder_(std::move(recorder)) {}

  void warm_up(const std::function<void()>& call) override { recorder_->run(call); }
  RecordingAttempt record(const std::vector<at::Tensor>& recorded,
                          const std::vector<at::Tensor>& inputs,
                          const std::function<void()>& call) override;
  std::optional<std::string> prepare() override;
  void replay(const std::vector<at::Tensor>& recorded,
              const std::vector<at::Tensor>& inputs) override;

 private:
  struct Gradient {
    at::Tensor parameter;
    at::Tensor gradient;
    int64_t version;  // Of the gradient, for comparison before and after a recording.
  };
  std::vector<Gradient> gradients() const;
  bool is_in_place() const;
  // Takes note of how the step has left the session, where it began with these gradients.
  void note_end(const std::vector<Gradient>& before);

  std::shared_ptr<Session> session_;
  std::shared_ptr<GraphRecorder> recorder_;
  std::unique_ptr<Graph> graph_;
  std::vector<std::shared_ptr<HostWork>> work_;

  // ---- When the step had ended
  // Kept, because the graph writes them; and those of them that were there when the step began,
  // and that it adds to.
  std::vector<Gradient> gradients_;
  std::vector<Gradient> added_to_;
  std::vector<const void*> addresses_;
  int64_t ended_joins_ = 0;
  // Whether the loss scale has an outcome to take note of.
  bool expects_outcome_ = false;
};

std::vector<GraphReplay::Gradient> GraphReplay::gradients() const {
  std::vector<Gradient> all;
  for (const auto& model : session_->models().live()) {
    for (const NamedParameter& parameter : model->parameters) {
      const at::Tensor& gradient = parameter.tensor.grad();
      all.push_back({parameter.tensor, gradient, gradient.defined() ? gradient._version() : 0});
    }
  }
  return all;
}

void GraphReplay::note_end(const std::vector<Gradient>& before) {
  gradients_.clear();
  added_to_.clear();
  for (const Gradient& each : before) {
    const at::Tensor& now = each.parameter.grad();
    gradients_.push_back({each.parameter, now, each.version});
    if (each.gradient.defined() && now.is_same(each.gradient)) added_to_.push_back(each);
  }
  addresses_ = session_->models().addresses();
  ended_joins_ = session_->uneven_inputs().ended();
  if (session_->loss_scale() != nullptr)
    expects_outcome_ = session_->loss_scale()->expects_outcome();
}

RecordingAttempt GraphReplay::record(const std::vector<at::Tensor>& /*recorded*/,
                                     const std::vector<at::Tensor>& inputs,
                                     const std::function<void()>& call) {
  session_->models().settle_sync();
  session_->optimizers().place_for_recording();
  const std::vector<Gradient> before = gradients();
  std::vector<std::function<void()>> bring_back;
  for (Stateful* part : session_->parts()) bring_back.push_back(part->remember());
  DeviceRecorder host;
  std::unique_ptr<Graph> graph;
  std::string failure;
  try {
    for (const at::Tensor& input : inputs) {
      TORCH_CHECK(!input.defined() || input.device() == session_->process().device,
                  "an input is on ", input.device(),
                  " and not on the device of the training; move it there before the step");
    }
    const HostWorkRecorder::Scope scope(&host);
    // Casts of weights from before would be constants of the graph, and those in it are not values.
    at::autocast::clear_cache();
    graph = recorder_->record([&] {
      call();
      // The graph would go on writing them, where nobody keeps them.
      for (const Gradient& each : before) {
        TORCH_CHECK(!each.gradient.defined() || each.gradient._version() == each.version ||
                        each.parameter.grad().is_same(each.gradient),
                    "it adds to gradients of before the step, which are elsewhere afterwards; let "
                    "the step call optimizer.zero_grad(), with set_to_none");
      }
    });
  } catch (const c10::Error& error) {
    failure = error.what_without_backtrace();
  } catch (const std::exception& error) {
    failure = error.what();
  }
  at::autocast::clear_cache();
  // One rank must not wait for the others in a collective that they have in a graph.
  if (session_->all_agree(failure.empty())) {
    note_end(before);
    work_ = host.taken();
    graph_ = std::move(graph);
    return {.is_ready = true};
  }
  for (const auto& part : bring_back) part();
  return {.obstacle =
              failure.empty() ? "another process could not capture it" : first_line(failure)};
}

bool GraphReplay::is_in_place() const {
  session_->models().restore_layout();
  return session_->models().addresses() == addresses_ &&
         // The ranks have come out of it with different states; they find out together.
         session_->uneven_inputs().ended() == ended_joins_ &&
         std::all_of(added_to_.begin(), added_to_.end(), [](const Gradient& each) {
           return each.parameter.grad().is_same(each.gradient);
         });
}

std::optional<std::string> GraphReplay::prepare() {
  if (is_in_place() &&
      std::all_of(work_.begin(), work_.end(), [](const auto& work) { return work->prepare(); }))
    return std::nullopt;
  return "the memory that it uses has moved";
}

void GraphReplay::replay(const std::vector<at::Tensor>& recorded,
                         const std::vector<at::Tensor>& inputs) {
  c10::AutoGradMode no_grad(false);
  for (size_t i = 0; i < recorded.size(); ++i) {
    if (recorded[i].defined()) recorded[i].copy_(inputs[i], /*non_blocking=*/true);
  }
  graph_->replay();
  session_->communicator().note_replay();
  for (const Gradient& each : gradients_) {
    at::Tensor& gradient = each.parameter.mutable_grad();
    if (!gradient.is_same(each.gradient)) gradient = each.gradient;
  }
  if (session_->loss_scale() != nullptr) session_->loss_scale()->expect_outcome(expects_outcome_);
  for (const auto& work : work_) work->complete();
}

}  // namespace

ReplayFactory graph_replays(std::shared_ptr<Session> session,
                            std::unique_ptr<GraphRecorder> recorder) {
  if (recorder == nullptr) return {.obstacle = "this device has no graphs"};
  std::shared_ptr<GraphRecorder> shared = std::move(recorder);
  const bool in_lockstep = session->process().world_size > 1;
  return {.make = [session = std::move(session),
                   shared] { return std::make_unique<GraphReplay>(session, shared); },
          .in_lockstep = in_lockstep};
}

}  // namespace accelerate
