// The scopes that an Accelerator returns. Their effect lasts until they are destroyed.
//
//   {
//     const NoSyncScope scope = accelerator.no_sync(model);
//     accelerator.backward(loss);  // The gradients stay with this process.
//   }
//
// Not for several threads: a scope must end in the thread that began it.
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

// Keeps backward passes from averaging gradients over the processes. Scopes nest.
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
  // Overrides `even_batches` of the loaders within the scope; none leaves it unchanged.
  std::optional<bool> even_batches = std::nullopt;
};

// Makes ranks with fewer batches wait at its end while the others continue. If an exception ends
// the scope, it does not wait for the others.
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

// Lets the main process run a scope before the others. If an exception ends the scope, this process
// does not wait for the others, which fail at their next collective, as after the death of any
// peer.
class InTurn {
 public:
  InTurn(Communicator& communicator, bool first);
  ~InTurn() noexcept(false);

 private:
  Communicator& communicator_;
  bool first_;
  int exceptions_;
  // While the others wait for the first process, which may download something, this is not reported
  // as a hang.
  std::optional<launcher::LongOperation> busy_;
};

}  // namespace internal
}  // namespace accelerate
