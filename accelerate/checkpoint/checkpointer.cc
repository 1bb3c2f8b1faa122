#include "accelerate/checkpoint/checkpointer.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <exception>
#include <iostream>
#include <utility>

#include "accelerate/checkpoint/save_job.h"
#include "accelerate/host_work/host_work.h"
#include "accelerate/phases/phases.h"
#include "formats/checkpoints/checkpoint_folder.h"
#include "launcher/flight_record/flight_recorder.h"

namespace accelerate {
namespace {

// Between what is called and what a rank says; no path has it.
constexpr char kEnd = '\0';
// What the text of from_all_ranks() is.
constexpr char kResult = '+', kFailure = '-';

}  // namespace

Checkpointer::Checkpointer(Run run, const CheckpointOptions& options) : run_(std::move(run)) {
  set_options(options);
}

Checkpointer::~Checkpointer() {
  if (!job_) return;
  // Others may have been stopped by what is unwinding here.
  if (std::uncaught_exceptions() > 0) job_->cancel();
  job_->leave();
  const absl::Status status = job_->leads() ? job_->committed() : job_->written();
  if (status.ok()) return;
  std::clog << "error: saving " << job_->plan().path << " failed: " << status.message()
            << std::endl;
  if (job_->leads()) checkpoints::remove_checkpoint(job_->plan().unfinished).IgnoreError();
}

void Checkpointer::set_options(const CheckpointOptions& options) {
  TORCH_CHECK(options.keep >= 0, "checkpoints: keep is ", options.keep,
              "; give the number of checkpoints to keep, or 0 to keep all");
  options_ = options;
}

void Checkpointer::add(std::unique_ptr<Stateful> object) {
  const std::string name(object->state_name());
  TORCH_CHECK(!name.empty() && name.find('.') == std::string::npos,
              "register_for_checkpointing(): `", name,
              "` is not a valid name; give one without a dot");
  for (const auto& other : objects_)
    TORCH_CHECK(other->state_name() != name, "register_for_checkpointing(): the object `", name,
                "` is already registered; give another name");
  objects_.push_back(std::move(object));
}

void Checkpointer::remove(const std::string& name) {
  std::erase_if(objects_, [&name](const auto& object) { return object->state_name() == name; });
}

int Checkpointer::add_save_hook(CheckpointHook hook) {
  hooks_.push_back({next_hook_, /*is_for_save=*/true, std::move(hook)});
  return next_hook_++;
}

int Checkpointer::add_load_hook(CheckpointHook hook) {
  hooks_.push_back({next_hook_, /*is_for_save=*/false, std::move(hook)});
  return next_hook_++;
}

void Checkpointer::remove_hook(int number) {
  std::erase_if(hooks_, [number](const Hook& hook) { return hook.number == number; });
}

void Checkpointer::run_hooks(bool is_for_save, const std::string& path) {
  // A hook may remove itself.
  const auto hooks = hooks_;
  for (const Hook& hook : hooks)
    if (hook.is_for_save == is_for_save) hook.function(path);
}

std::vector<std::string> Checkpointer::exchange(const std::string& what, const std::string& text) {
  if (run_.communicator->size() == 1) return {text};
  std::vector<std::string> texts;
  try {
    texts = run_.communicator->all_gather_bytes(what + kEnd + text);
  } catch (const c10::Error& error) {
    TORCH_CHECK(false, what,
                ", which all ranks must call together, failed: ", error.what_without_backtrace());
  }
  const auto name = [](const std::string& of) { return of.substr(0, of.find('(')); };
  std::string others;
  for (size_t rank = 0; rank < texts.size(); ++rank) {
    const size_t end = texts[rank].find(kEnd);
    const bool is_this = end != std::string::npos && name(texts[rank]) == name(what);
    if (!is_this)
      others += c10::str(others.empty() ? "" : ", ", rank);
    else
      texts[rank].erase(0, end + 1);
  }
  TORCH_CHECK(others.empty(), what, " must be called by all ranks together, and rank ", others,
              " is elsewhere; call it outside of code that only some ranks run");
  return texts;
}

void Checkpointer::throw_failures(const std::string& what,
                                  const std::vector<std::string>& failures) const {
  std::string message;
  for (size_t rank = 0; rank < failures.size(); ++rank) {
    if (failures[rank].empty()) continue;
    // What all have to say is said once.
    if (rank > 0 && failures[rank] == failures[rank - 1]) continue;
    message +=
        c10::str("\n", failures.size() > 1 ? c10::str("rank ", rank, ": ") : "", failures[rank]);
  }
  TORCH_CHECK(message.empty(), what, " failed:", message);
}

void Checkpointer::agree(const std::string& what, const std::string& failure) {
  throw_failures(what, exchange(what, failure));
}

std::vector<std::string> Checkpointer::from_all_ranks(
    const std::string& what, const std::function<std::string()>& function) {
  refuse_recording("what is saved or loaded");
  const PhaseScope aside(Phase::kAside);
  std::string own;
  try {
    // Others wait for it in exchange(), which it is no hang to do.
    const launcher::LongOperation busy("saving or loading a checkpoint");
    own = kResult + function();
  } catch (const c10::Error& error) {
    own = kFailure + std::string(error.what_without_backtrace());
  } catch (const std::exception& error) {
    own = kFailure + std::string(error.what());
  }
  std::vector<std::string> texts = exchange(what, own), failures;
  for (std::string& text : texts) {
    const bool has_failed = text.starts_with(kFailure);
    text.erase(0, 1);
    failures.push_back(has_failed ? text : "");
  }
  throw_failures(what, failures);
  return texts;
}

void Checkpointer::on_all_ranks(const std::string& what, const std::function<void()>& function) {
  from_all_ranks(what, [&function] {
    function();
    return std::string();
  });
}

void Checkpointer::on_main_process(const std::string& what, const std::function<void()>& function) {
  on_all_ranks(what, [&] {
    if (run_.process.is_main()) function();
  });
}

void Checkpointer::wait() {
  if (!job_) return;
  const PhaseScope aside(Phase::kAside);
  const auto job = std::move(job_);
  const std::string what = c10::str("saving(", job->plan().path, ")");
  absl::Status status;
  {
    const launcher::LongOperation busy("writing a checkpoint");
    status = job->written();
  }
  std::vector<std::string> failures;
  try {
    failures = exchange(what, std::string(status.message()));
  } catch (...) {
    // A rank is gone, for whose share nobody is to wait.
    job->cancel();
    throw;
  }
  const bool all_written =
      std::all_of(failures.begin(), failures.end(), [](const auto& each) { return each.empty(); });
  if (!all_written) job->cancel();
  if (job->leads()) {
    const launcher::LongOperation busy("writing a checkpoint");
    status = job->committed();
  }
  if (!all_written || !status.ok()) {
    // Nobody writes any more: what is there takes room that others may need.
    if (job->leads()) checkpoints::remove_checkpoint(job->plan().unfinished).IgnoreError();
  }
  try {
    throw_failures(what, failures);
    agree(what, std::string(status.message()));
  } catch (...) {
    // Of several machines, those that have it are alone with it.
    const bool is_alone =
        job->leads() && status.ok() && !job->plan().folder.empty() && !job->plan().prunes;
    if (is_alone) checkpoints::remove_checkpoint(job->plan().path).IgnoreError();
    throw;
  }
  if (job->leads() && !job->plan().prunes) job->prune();
}

}  // namespace accelerate
