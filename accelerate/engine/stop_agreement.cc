#include "accelerate/engine/stop_agreement.h"

#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <utility>

namespace accelerate {

StopAgreement::StopAgreement(std::shared_ptr<Communicator> communicator, c10::Device device)
    : communicator_(std::move(communicator)),
      raised_(at::zeros({1}, at::TensorOptions(device).dtype(at::kFloat))) {}

bool StopAgreement::ask(bool is_requested) {
  if (communicator_->size() == 1) return is_requested;
  c10::AutoGradMode no_grad(false);
  bool answer = false;
  if (copy_) {
    answer = copy_->get().item<float>() != 0;
  } else if (pending_) {
    pending_->wait();
    answer = raised_.item<float>() != 0;
  }
  raised_.fill_(is_requested || answer ? 1 : 0);
  pending_ = communicator_->start_mean(raised_);
  if (!raised_.is_cpu()) {
    // Makes the device wait, and not the host.
    pending_->wait();
    copy_.emplace(raised_);
  }
  return answer;
}

}  // namespace accelerate
