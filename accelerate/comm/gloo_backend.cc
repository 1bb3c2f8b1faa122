#include <signal.h>

#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include "accelerate/comm/backend.h"
#include "accelerate/libtorch/tested_version.h"

namespace accelerate::internal {
namespace {

// During its lifetime, the threads that are started have SIGPIPE blocked. Gloo's write to
// connections whose peer may have died, which would otherwise kill this process without a word;
// what the program itself prints to a reader that has gone still ends it.
class WithoutBrokenPipes {
 public:
  WithoutBrokenPipes() {
    sigset_t broken_pipe;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, &old_mask_);
  }
  WithoutBrokenPipes(const WithoutBrokenPipes&) = delete;
  WithoutBrokenPipes& operator=(const WithoutBrokenPipes&) = delete;
  ~WithoutBrokenPipes() { pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr); }

 private:
  sigset_t old_mask_ = {};
};

}  // namespace

c10::intrusive_ptr<c10d::Backend> make_gloo_backend(const c10::intrusive_ptr<c10d::Store>& store,
                                                    const BackendOptions& options) {
  const WithoutBrokenPipes scope;
  auto gloo = c10d::ProcessGroupGloo::Options::create(options.timeout);
  if (!options.network_interface.empty()) {
    gloo->devices.push_back(
        c10d::ProcessGroupGloo::createDeviceForInterface(options.network_interface));
  } else if (!options.hostname.empty()) {
    gloo->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname(options.hostname));
  } else {
    gloo->devices.push_back(c10d::ProcessGroupGloo::createDefaultDevice());
  }
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, options.rank, options.size, gloo);
}

}  // namespace accelerate::internal
