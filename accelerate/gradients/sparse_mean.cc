#include "accelerate/gradients/sparse_mean.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_sparse_coo_tensor_unsafe.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/view_as_complex.h>
#include <ATen/ops/view_as_real.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace accelerate::internal {
namespace {

// Every rank's part along the last dimension of `indices`, or the first of `values`, one behind the
// other. A collective wants equal sizes, so that each is filled up.
at::Tensor gather_parts(Communicator& communicator, const at::Tensor& part, int64_t dim,
                        const std::vector<int64_t>& counts, std::vector<int64_t> sizes) {
  sizes[dim] = *std::max_element(counts.begin(), counts.end());
  at::Tensor padded = at::zeros(sizes, at::TensorOptions(part.device()).dtype(part.dtype()));
  padded.narrow(dim, 0, part.size(dim)).copy_(part);
  std::vector<at::Tensor> all = communicator.all_gather(padded);
  for (size_t rank = 0; rank < all.size(); ++rank)
    all[rank] = all[rank].narrow(dim, 0, counts[rank]);
  return at::cat(all, dim);
}

}  // namespace

at::Tensor sparse_mean(Communicator& communicator, const NamedParameter& parameter,
                       const at::Tensor& gradient) {
  c10::AutoGradMode no_grad(false);
  const at::Tensor own = gradient.defined() ? gradient.coalesce() : at::Tensor();
  std::vector<int64_t> counts;
  int64_t sparse_dim = 0;
  for (const at::Tensor& each : communicator.all_gather(at::tensor(
           {own.defined() ? own._nnz() : 0, own.defined() ? own.sparse_dim() : int64_t{0}},
           at::kLong))) {
    counts.push_back(each[0].item<int64_t>());
    const auto dim = each[1].item<int64_t>();
    TORCH_CHECK(dim == 0 || sparse_dim == 0 || dim == sparse_dim, "the gradient of `",
                parameter.name, "` is sparse in ", sparse_dim, " dimensions on one process and in ",
                dim, " on another; use the parameter in the same way on all");
    sparse_dim = std::max(sparse_dim, dim);
  }
  const at::IntArrayRef sizes = parameter.tensor.sizes();
  const auto options = parameter.tensor.options().requires_grad(false);
  std::vector<int64_t> value_sizes{0};
  value_sizes.insert(value_sizes.end(), sizes.begin() + sparse_dim, sizes.end());
  at::Tensor indices = own.defined() ? own._indices() : at::zeros({sparse_dim, 0}, at::kLong);
  at::Tensor values =
      own.defined() ? own._values() / communicator.size() : at::zeros(value_sizes, options);
  if (*std::max_element(counts.begin(), counts.end()) > 0) {
    indices = gather_parts(communicator, indices, 1, counts, {sparse_dim, 0});
    const bool is_complex = values.is_complex();
    if (is_complex) {
      values = at::view_as_real(values.resolve_conj());
      value_sizes.push_back(2);
    }
    values = gather_parts(communicator, values, 0, counts, value_sizes);
    if (is_complex) values = at::view_as_complex(values);
  }
  return at::_sparse_coo_tensor_unsafe(indices, values, sizes, options.layout(at::kSparse))
      .coalesce();
}

}  // namespace accelerate::internal
