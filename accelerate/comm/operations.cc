#include "accelerate/comm/operations.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

namespace accelerate {
namespace {

// Its values in memory as it lies: neither negated nor conjugated only when they are read, and
// without the graph that led to them.
at::Tensor plain(const at::Tensor& tensor) { return tensor.detach().resolve_conj().resolve_neg(); }

void check_dense(const at::Tensor& tensor, const char* operation) {
  TORCH_CHECK(!tensor.defined() || tensor.layout() == at::kStrided, operation,
              " takes dense tensors, but was given one of layout ", tensor.layout(),
              "; call to_dense() on it first");
}

constexpr int64_t kNone = -1;
// Of a tensor: all dimensions.
constexpr int64_t kAll = -2;

// What a rank says of its tensor: the sizes, then the type.
std::string description_of(const at::Tensor& tensor) {
  std::vector<int64_t> description;
  if (tensor.defined()) description = tensor.sizes().vec();
  description.push_back(
      static_cast<int64_t>(tensor.defined() ? tensor.scalar_type() : at::ScalarType::Undefined));
  return {reinterpret_cast<const char*>(description.data()), description.size() * sizeof(int64_t)};
}

// Throws c10::Error where the bytes are no description, as those of a rank that is elsewhere.
std::vector<int64_t> description_in(const std::string& bytes, const char* operation, size_t rank) {
  std::vector<int64_t> description(bytes.size() / sizeof(int64_t));
  std::memcpy(description.data(), bytes.data(), description.size() * sizeof(int64_t));
  bool is_right = !description.empty() && bytes.size() % sizeof(int64_t) == 0;
  for (const int64_t each : description) is_right = is_right && each >= 0;
  TORCH_CHECK(is_right && description.back() < static_cast<int64_t>(at::ScalarType::NumOptions),
              operation, ": what rank ", rank,
              " sent does not describe a tensor; it is in another collective, such as a save. Make "
              "all ranks call the same collectives in the same order");
  return description;
}

// The shapes on all ranks, once they are known to be alike but for dimension `free_dim`, which is
// kNone or kAll where it is no single one. All empty where no rank's tensor is defined.
std::vector<std::vector<int64_t>> agreed_shapes(Communicator& communicator,
                                                const at::Tensor& tensor, const char* operation,
                                                int64_t free_dim) {
  check_dense(tensor, operation);
  std::vector<std::vector<int64_t>> shapes;
  for (const std::string& each : communicator.all_gather_bytes(description_of(tensor)))
    shapes.push_back(description_in(each, operation, shapes.size()));
  const auto comparable = [free_dim](std::vector<int64_t> shape) {
    // The last is the type.
    const auto num_dims = static_cast<int64_t>(shape.size()) - 1;
    for (int64_t dim = 0; dim < num_dims; ++dim) {
      if (free_dim == kAll || free_dim == dim) shape[dim] = 0;
    }
    return shape;
  };
  bool alike = true;
  std::ostringstream all;
  for (size_t rank = 0; rank < shapes.size(); ++rank) {
    alike = alike && comparable(shapes[rank]) == comparable(shapes[0]);
    const auto type = static_cast<at::ScalarType>(shapes[rank].back());
    all << (rank > 0 ? ", " : "") << "rank " << rank << ' ';
    if (type == at::ScalarType::Undefined) {
      all << "undefined";
    } else {
      all << type << ' ' << at::IntArrayRef(shapes[rank].data(), shapes[rank].size() - 1);
    }
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
  at::Tensor value = tensor;
  if (tensor.defined() && tensor.dim() == 0) value = tensor.reshape({1});
  // A value of its own on one process as on many.
  if (communicator.size() == 1) return value.defined() ? plain(value).clone() : value;
  const auto shapes = agreed_shapes(communicator, value, "gather", /*free_dim=*/0);
  if (!value.defined()) return value;
  int64_t longest = 0;
  for (const auto& shape : shapes) longest = std::max(longest, shape[0]);
  const at::Tensor mine = padded(plain(value).contiguous(), 0, longest, 0, false);
  std::vector<at::Tensor> parts = communicator.all_gather(mine);
  for (size_t rank = 0; rank < parts.size(); ++rank)
    parts[rank] = parts[rank].narrow(0, 0, shapes[rank][0]);
  return at::cat(parts);
}

at::Tensor reduce(Communicator& communicator, const at::Tensor& tensor, ReduceOp op, double scale) {
  if (communicator.size() > 1) {
    agreed_shapes(communicator, tensor, "reduce", /*free_dim=*/kNone);
  }
  if (!tensor.defined()) return tensor;
  at::Tensor result = plain(tensor).clone(at::MemoryFormat::Contiguous);
  communicator.all_reduce(result, op);
  return scale == 1.0 ? result : result.mul(scale);
}

at::Tensor broadcast(Communicator& communicator, const at::Tensor& tensor, int root) {
  if (communicator.size() > 1) {
    agreed_shapes(communicator, tensor, "broadcast", /*free_dim=*/kNone);
  }
  if (!tensor.defined()) return tensor;
  at::Tensor result = plain(tensor).clone(at::MemoryFormat::Contiguous);
  communicator.broadcast(result, root);
  return result;
}

at::Tensor pad_across_processes(Communicator& communicator, const at::Tensor& tensor,
                                const PadOptions& options) {
  const int64_t num_dims = tensor.defined() ? tensor.dim() : 0;
  const int64_t dim = options.dim < 0 ? options.dim + num_dims : options.dim;
  const bool has_dim = dim >= 0 && dim < num_dims;
  int64_t size = 0;
  for (const auto& shape :
       agreed_shapes(communicator, tensor, "pad_across_processes", has_dim ? dim : kAll)) {
    if (has_dim) size = std::max(size, shape[dim]);
  }
  if (!has_dim) return tensor;
  return padded(tensor, dim, size, options.pad_value, options.pad_first);
}

}  // namespace accelerate
