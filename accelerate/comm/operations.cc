#include "accelerate/comm/operations.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

namespace accelerate {
namespace {

// Collectives carry no bool on every backend; bytes are the same bits.
at::Tensor as_carried(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kBool ? tensor.view(at::kByte) : tensor;
}

// The shapes on all ranks, once they are known to be alike but for dimension `free_dim` (-1: in
// all).
std::vector<std::vector<int64_t>> agreed_shapes(Communicator& communicator,
                                                const at::Tensor& tensor, const char* operation,
                                                int64_t free_dim) {
  std::vector<int64_t> mine = tensor.sizes().vec();
  mine.push_back(static_cast<int64_t>(tensor.scalar_type()));
  const std::string bytes(reinterpret_cast<const char*>(mine.data()),
                          mine.size() * sizeof(int64_t));

  std::vector<std::vector<int64_t>> shapes;
  for (const std::string& each : communicator.all_gather_bytes(bytes)) {
    const auto* first = reinterpret_cast<const int64_t*>(each.data());
    shapes.emplace_back(first, first + each.size() / sizeof(int64_t));
  }
  const auto comparable = [free_dim](std::vector<int64_t> shape) {
    if (free_dim >= 0 && free_dim + 1 < static_cast<int64_t>(shape.size())) shape[free_dim] = 0;
    return shape;
  };
  bool alike = true;
  std::ostringstream all;
  for (size_t rank = 0; rank < shapes.size(); ++rank) {
    alike = alike && comparable(shapes[rank]) == comparable(shapes[0]);
    all << (rank > 0 ? ", " : "") << "rank " << rank << ' '
        << static_cast<at::ScalarType>(shapes[rank].back()) << ' '
        << at::IntArrayRef(shapes[rank].data(), shapes[rank].size() - 1);
  }
  TORCH_CHECK(alike, operation, ": the tensors of the ranks do not fit together (", all.str(),
              "); bring them to one shape and type first, for example with pad_across_processes");
  for (std::vector<int64_t>& shape : shapes) shape.pop_back();
  return shapes;
}

at::Tensor padded(const at::Tensor& tensor, int64_t dim, int64_t size, double value, bool first) {
  if (tensor.size(dim) == size) return tensor;
  std::vector<int64_t> shape = tensor.sizes().vec();
  shape[dim] = size;
  at::Tensor result = at::full(shape, value, tensor.options().requires_grad(false));
  const int64_t start = first ? size - tensor.size(dim) : 0;
  result.narrow(dim, start, tensor.size(dim)).copy_(tensor.detach());
  return result;
}

}  // namespace

at::Tensor gather(Communicator& communicator, const at::Tensor& tensor) {
  const at::Tensor value = tensor.dim() == 0 ? tensor.reshape({1}) : tensor;
  // A value of its own on one process as on many, without the graph that led to it.
  if (communicator.size() == 1) return value.detach().clone();
  const auto shapes = agreed_shapes(communicator, value, "gather", /*free_dim=*/0);
  int64_t longest = 0;
  for (const auto& shape : shapes) longest = std::max(longest, shape[0]);
  const at::Tensor mine = padded(value.detach().contiguous(), 0, longest, 0, false);
  std::vector<at::Tensor> parts = communicator.all_gather(as_carried(mine));
  for (size_t rank = 0; rank < parts.size(); ++rank) {
    parts[rank] = parts[rank].view(value.scalar_type()).narrow(0, 0, shapes[rank][0]);
  }
  return at::cat(parts);
}

at::Tensor reduce(Communicator& communicator, const at::Tensor& tensor, ReduceOp op, double scale) {
  at::Tensor result = tensor.detach().clone(at::MemoryFormat::Contiguous);
  if (communicator.size() > 1) {
    agreed_shapes(communicator, tensor, "reduce", /*free_dim=*/-1);
  }
  communicator.all_reduce(result, op);
  return scale == 1.0 ? result : result.mul(scale);
}

at::Tensor broadcast(Communicator& communicator, const at::Tensor& tensor, int root) {
  at::Tensor result = tensor.detach().clone(at::MemoryFormat::Contiguous);
  if (communicator.size() > 1) {
    agreed_shapes(communicator, tensor, "broadcast", /*free_dim=*/-1);
  }
  at::Tensor carried = as_carried(result);
  communicator.broadcast(carried, root);
  return result;
}

at::Tensor pad_across_processes(Communicator& communicator, const at::Tensor& tensor,
                                const PadOptions& options) {
  const int64_t dim = options.dim < 0 ? options.dim + tensor.dim() : options.dim;
  if (dim < 0 || dim >= tensor.dim()) return tensor;
  int64_t size = 0;
  for (const auto& shape : agreed_shapes(communicator, tensor, "pad_across_processes", dim)) {
    size = std::max(size, shape[dim]);
  }
  return padded(tensor, dim, size, options.pad_value, options.pad_first);
}

}  // namespace accelerate
