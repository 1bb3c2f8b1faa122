// How the ranks find out together that one of them was asked to stop.
//
//   StopAgreement agreement(communicator, device);
//   while (!agreement.ask(stop_is_requested())) train_a_step();
//
// Nobody waits: what the ranks say in one call is added up while they train, and is the answer to
// the next one. Part of the Session; not thread-safe.
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

  // Whether some rank was asked to stop when all called this the last time; the same on all ranks.
  // Collective. On one process, whether this one is.
  bool ask(bool is_requested);

 private:
  std::shared_ptr<Communicator> communicator_;
  // More than 0 when a rank said so.
  at::Tensor raised_;
  // ---- Of the last call, if there was one
  std::optional<PendingCollective> pending_;
  // On a GPU, where the host cannot look at the sum itself.
  std::optional<HostCopy> copy_;
};

}  // namespace accelerate
