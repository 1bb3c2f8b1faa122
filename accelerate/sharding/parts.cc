#include "accelerate/sharding/parts.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_strided.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>

#include "accelerate/layout/flat_buffer.h"

namespace accelerate::internal {

at::Tensor part_of(const at::Tensor& whole, const PartPlace& place, int rank) {
  c10::AutoGradMode no_grad(false);
  const PartRange range = place.of_rank(rank);
  const at::Tensor dense = laid_out(whole.detach(), whole.sizes(), place.strides);
  return dense.as_strided({range.size()}, {1}, dense.storage_offset() + range.begin);
}

at::Tensor gather_parts(Communicator& communicator, const at::Tensor& part, at::IntArrayRef sizes,
                        const PartPlace& place) {
  c10::AutoGradMode no_grad(false);
  const int ranks = communicator.size();
  TORCH_INTERNAL_ASSERT(part.numel() == place.of_rank(communicator.rank()).size());
  // Collectives are of equal parts.
  int64_t largest = 0;
  for (int rank = 0; rank < ranks; ++rank) largest = std::max(largest, place.of_rank(rank).size());
  const at::TensorOptions options = part.options().requires_grad(false);
  at::Tensor all = at::empty({ranks * largest}, options);
  at::Tensor own = all.narrow(0, communicator.rank() * largest, largest);
  own.narrow(0, 0, part.numel()).copy_(part.detach());
  communicator.start_all_gather(own, all).wait();
  at::Tensor whole = at::empty_strided(sizes, place.strides, options);
  const at::Tensor flat = whole.as_strided({place.numel}, {1});
  for (int rank = 0; rank < ranks; ++rank) {
    const PartRange range = place.of_rank(rank);
    flat.narrow(0, range.begin, range.size()).copy_(all.narrow(0, rank * largest, range.size()));
  }
  return whole;
}

}  // namespace accelerate::internal
