#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include "accelerate/comm/backend.h"
#include "accelerate/libtorch/tested_version.h"
#include "launcher/posix/signals_of_writes.h"

namespace accelerate::internal {

c10::intrusive_ptr<c10d::Backend> make_gloo_backend(const c10::intrusive_ptr<c10d::Store>& store,
                                                    const BackendOptions& options) {
  // Gloo's threads, which inherit it, write to connections whose peer may have died. That would
  // kill this process without a word; what the program itself prints to nobody still ends it.
  const launcher::SignalsOfWrites guard;
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
