// How the ranks find out together that one of them was asked to stop.
//
//   StopAgreement agreement(communicator, device);
//   while (!agreement.ask(stop_is_requested())) train_a_step();
//
// No rank waits: what the ranks say in one call is added up while they train, and is the answer to
// the next call. Part of the Session; not for others. Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>

#include "accelerate/comm/communicator.h"
#include "accelerate/device/host_copy.h"

namespace accelerate {

class StopAgreement {
 public:
  StopAgreement(std::shared_ptr<Communicator> communicator, c10::Device device);

  // Whether some rank was asked to stop when all ranks made their previous call; the same on all
  // ranks. On one process, whether this process is asked now. Collective.
  bool ask(bool is_requested);

 private:
  std::shared_ptr<Communicator> communicator_;
  // More than 0 if a rank was asked to stop.
  at::Tensor raised_;
  // ---- The last call, if there was one
  std::optional<PendingCollective> pending_;
  // On a GPU, because the host cannot read the sum there without waiting.
  std::optional<HostCopy> copy_;
};

}  // namespace accelerate
