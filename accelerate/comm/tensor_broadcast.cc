#include "accelerate/comm/tensor_broadcast.h"

#include <ATen/MemoryOverlap.h>
#include <ATen/ops/cat.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <map>

namespace accelerate {
namespace {

// On all ranks before any of them waits for another: only those that are not the root would fail.
void check_can_be_written(const at::Tensor& tensor) {
  TORCH_CHECK(
      at::has_internal_overlap(tensor) != at::MemOverlap::Yes, "a tensor of the sizes ",
      tensor.sizes(), " and the strides ", tensor.strides(),
      " cannot be made equal on all ranks, because several of its elements share memory; if "
      "expand() made a buffer or a parameter, register a contiguous() copy of it");
}

}  // namespace

void broadcast_tensors(Communicator& communicator, const std::vector<at::Tensor>& tensors,
                       int root) {
  if (communicator.size() == 1) return;
  c10::AutoGradMode no_grad(false);
  std::map<c10::ScalarType, std::vector<at::Tensor>> by_type;
  for (const at::Tensor& tensor : tensors) {
    if (!tensor.defined() || tensor.numel() == 0) continue;
    check_can_be_written(tensor);
    by_type[tensor.scalar_type()].push_back(tensor);
  }
  for (auto& [type, members] : by_type) {
    std::vector<at::Tensor> pieces;
    for (const at::Tensor& member : members) pieces.push_back(member.detach().reshape(-1));
    at::Tensor flat = at::cat(pieces);
    communicator.broadcast(flat, root);
    if (communicator.rank() == root) continue;
    int64_t offset = 0;
    for (const at::Tensor& member : members) {
      member.variable_data().copy_(flat.narrow(0, offset, member.numel()).view_as(member));
      offset += member.numel();
    }
  }
}

}  // namespace accelerate
