#include "accelerate/comm/tensor_broadcast.h"

#include <ATen/MemoryOverlap.h>
#include <ATen/ops/cat.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <map>

namespace accelerate {

// On all ranks before any of them waits for another: only those that are not the root would fail.
void check_can_be_written(const at::Tensor& tensor, std::string_view name) {
  TORCH_CHECK(
      tensor.layout() == at::kStrided, name,
      " is a sparse tensor, which cannot be made equal on all processes; register its indices and "
      "values as buffers, and make it of them in forward()");
  TORCH_CHECK(at::has_internal_overlap(tensor) != at::MemOverlap::Yes, name, " has the sizes ",
              tensor.sizes(), " and the strides ", tensor.strides(),
              ", so several of its elements share memory, and it cannot be made equal on all "
              "processes; if expand() made it, register a contiguous() copy of it");
}

void broadcast_tensors(Communicator& communicator, const std::vector<at::Tensor>& tensors,
                       int root) {
  if (communicator.size() == 1) return;
  c10::AutoGradMode no_grad(false);
  std::map<c10::ScalarType, std::vector<at::Tensor>> by_type;
  for (const at::Tensor& tensor : tensors) {
    if (!tensor.defined() || tensor.numel() == 0) continue;
    check_can_be_written(tensor, "a tensor");
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
