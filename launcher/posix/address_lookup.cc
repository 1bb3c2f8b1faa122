#include "launcher/posix/address_lookup.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "launcher/posix/file_descriptor.h"

namespace accelerate::launcher {

struct AddressLookup::State {
  FileDescriptor event{eventfd(0, EFD_CLOEXEC)};
  mutable std::mutex mutex;
  std::optional<Addresses> result = std::nullopt;

  void finish(Addresses found) {
    const std::lock_guard<std::mutex> lock(mutex);
    result = std::move(found);
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(event.get(), &one, sizeof(one));
  }
};

AddressLookup::AddressLookup(const std::string& host, int port, const Resolve& resolve)
    : state_(std::make_shared<State>()) {
  if (auto numeric = resolve_number(host, port)) {
    state_->finish(*std::move(numeric));
    return;
  }
  try {
    std::thread([state = state_, host, port, resolve] {
      state->finish(resolve(host, port));
    }).detach();
  } catch (const std::system_error& error) {
    state_->finish(absl::UnavailableError(
        absl::StrCat("cannot start a thread to look up the address of ", host, " (", error.what(),
                     "); raise the limit of processes (ulimit -u)")));
  }
}

bool AddressLookup::is_done() const {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  return state_->result.has_value();
}

Addresses AddressLookup::result() const {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  return *state_->result;
}

int AddressLookup::fd() const { return state_->event.get(); }

}  // namespace accelerate::launcher
