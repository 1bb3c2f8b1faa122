#include "accelerate/engine/scopes.h"

#include <exception>

#include "accelerate/comm/communicator.h"
#include "accelerate/data/active_loaders.h"
#include "accelerate/engine/accumulation.h"
#include "accelerate/engine/model_set.h"
#include "accelerate/engine/uneven_inputs.h"
#include "accelerate/host_work/host_work.h"

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

AccumulateScope::AccumulateScope(std::shared_ptr<AccumulationWindow> window,
                                 std::vector<std::shared_ptr<ModelState>> unsynced)
    : window_(std::move(window)), no_sync_(std::move(unsynced)) {
  // Begun by who makes it.
  open_in_each_replay(this, "accumulate", [] {});
}

AccumulateScope::~AccumulateScope() {
  // The window outlives the recordings.
  close_in_each_replay(this, "end of accumulate", [window = window_.get()] { window->end_step(); });
}

JoinScope::JoinScope(std::shared_ptr<UnevenInputs> inputs, std::shared_ptr<ActiveLoaders> loaders,
                     const JoinOptions& options)
    : inputs_(std::move(inputs)),
      loaders_(std::move(loaders)),
      even_batches_before_(loaders_->even_batches),
      exceptions_(std::uncaught_exceptions()) {
  inputs_->begin();
  if (options.even_batches) loaders_->even_batches = options.even_batches;
}

JoinScope::~JoinScope() noexcept(false) {
  loaders_->even_batches = even_batches_before_;
  if (std::uncaught_exceptions() == exceptions_) {
    inputs_->end();
  } else {
    inputs_->abandon();
  }
}

namespace internal {

InTurn::InTurn(Communicator& communicator, bool first)
    : communicator_(communicator), first_(first), exceptions_(std::uncaught_exceptions()) {
  if (first_) {
    busy_.emplace("doing what main_process_first() is for");
  } else {
    communicator_.barrier();
  }
}

InTurn::~InTurn() noexcept(false) {
  busy_.reset();
  if (first_ && std::uncaught_exceptions() == exceptions_) communicator_.barrier();
}

}  // namespace internal
}  // namespace accelerate
