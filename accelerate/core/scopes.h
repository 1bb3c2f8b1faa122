// Scopes that an Accelerator hands out: what they change lasts until their end.
#pragma once

#include <memory>
#include <optional>
#include <vector>

namespace accelerate {

class Session;
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
  AccumulateScope(std::shared_ptr<Session> session,
                  std::vector<std::shared_ptr<ModelState>> unsynced);
  ~AccumulateScope();

 private:
  std::shared_ptr<Session> session_;
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
  JoinScope(std::shared_ptr<Session> session, const JoinOptions& options);
  ~JoinScope() noexcept(false);
  JoinScope(const JoinScope&) = delete;
  JoinScope& operator=(const JoinScope&) = delete;

 private:
  std::shared_ptr<Session> session_;
  std::optional<bool> even_batches_before_;
  int exceptions_;
};

}  // namespace accelerate
