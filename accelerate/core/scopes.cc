#include "accelerate/core/scopes.h"

#include <exception>

#include "accelerate/core/session.h"
#include "accelerate/tape/recorded_call.h"

namespace accelerate {

NoSyncScope::NoSyncScope(std::vector<std::shared_ptr<ModelState>> models)
    : models_(std::move(models)) {
  for (const auto& model : models_)
    open_in_each_replay(
        &model, "no_sync", [](ModelState* model) { ++model->no_sync_depth; }, model.get());
}

NoSyncScope::~NoSyncScope() {
  for (const auto& model : models_)
    close_in_each_replay(
        &model, "end of no_sync", [](ModelState* model) { --model->no_sync_depth; }, model.get());
}

AccumulateScope::AccumulateScope(std::shared_ptr<Session> session,
                                 std::vector<std::shared_ptr<ModelState>> unsynced)
    : session_(std::move(session)), no_sync_(std::move(unsynced)) {
  // Begun by who makes it.
  open_in_each_replay(this, "accumulate", [] {});
}

AccumulateScope::~AccumulateScope() {
  // The session outlives its recordings.
  close_in_each_replay(this, "end of accumulate",
                       [session = session_.get()] { session->accumulation().end_step(); });
}

JoinScope::JoinScope(std::shared_ptr<Session> session, const JoinOptions& options)
    : session_(std::move(session)),
      even_batches_before_(session_->active_loaders()->even_batches),
      exceptions_(std::uncaught_exceptions()) {
  session_->begin_join();
  if (options.even_batches) session_->active_loaders()->even_batches = options.even_batches;
}

JoinScope::~JoinScope() noexcept(false) {
  session_->active_loaders()->even_batches = even_batches_before_;
  if (std::uncaught_exceptions() == exceptions_) {
    session_->end_join();
  } else {
    session_->abandon_join();
  }
}

}  // namespace accelerate
