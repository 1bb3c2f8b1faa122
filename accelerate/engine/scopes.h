// Scopes that an Accelerator hands out: what they change lasts until their end.
//
//   {
//     const NoSyncScope scope = accelerator.no_sync(model);
//     accelerator.backward(loss);  // The gradients stay with this process.
//   }
//
// Not for several threads: a scope ends in the thread that has begun it.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "launcher/flight_record/flight_recorder.h"

namespace accelerate {

class Communicator;
class AccumulationWindow;
class ActiveLoaders;
class UnevenInputs;
struct ModelState;

// Keeps the gradients of backward passes to this process. Scopes nest.
class [[nodiscard]] NoSyncScope {
 public:
  explicit NoSyncScope(std::vector<std::shared_ptr<ModelState>> models);
  ~NoSyncScope();
  NoSyncScope(const NoSyncScope&) = delete;
  NoSyncScope& operator=(const NoSyncScope&) = delete;

 private:
  std::vector<std::shared_ptr<ModelState>> models_;
};

// The work on one batch within accumulate().
class [[nodiscard]] AccumulateScope {
 public:
  // `unsynced`: the models whose gradients stay with this process.
  AccumulateScope(std::shared_ptr<AccumulationWindow> window,
                  std::vector<std::shared_ptr<ModelState>> unsynced);
  ~AccumulateScope();

 private:
  std::shared_ptr<AccumulationWindow> window_;
  NoSyncScope no_sync_;
};

struct JoinOptions {
  // What loaders do within the scope with a last round that is not full; none leaves it to them.
  std::optional<bool> even_batches = std::nullopt;
};

// Lets ranks with fewer batches than others wait at its end while those go on. When the scope ends
// in an exception, the others are not waited for.
class [[nodiscard]] JoinScope {
 public:
  JoinScope(std::shared_ptr<UnevenInputs> inputs, std::shared_ptr<ActiveLoaders> loaders,
            const JoinOptions& options);
  ~JoinScope() noexcept(false);
  JoinScope(const JoinScope&) = delete;
  JoinScope& operator=(const JoinScope&) = delete;

 private:
  std::shared_ptr<UnevenInputs> inputs_;
  std::shared_ptr<ActiveLoaders> loaders_;
  std::optional<bool> even_batches_before_;
  int exceptions_;
};

namespace internal {

// Lets the main process through a scope before the others. When the scope ends in an exception, the
// others go on without waiting to fail at their next collective, as after any death of a peer.
class InTurn {
 public:
  InTurn(Communicator& communicator, bool first);
  ~InTurn() noexcept(false);

 private:
  Communicator& communicator_;
  bool first_;
  int exceptions_;
  // While the others wait for what is done first, which may be a download, that is no hang.
  std::optional<launcher::LongOperation> busy_;
};

}  // namespace internal
}  // namespace accelerate
