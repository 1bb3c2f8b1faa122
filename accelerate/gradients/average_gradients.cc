#include "accelerate/gradients/average_gradients.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <map>
#include <tuple>

namespace accelerate {
namespace {

// One all-reduce carries the gradients of one type and device, and behind them a count for each
// parameter of the ranks that had one.
void average_flat(Communicator& communicator,
                  const std::vector<const NamedParameter*>& parameters) {
  std::vector<at::Tensor> pieces;
  std::vector<double> present;
  for (const NamedParameter* parameter : parameters) {
    const at::Tensor& gradient = parameter->tensor.grad();
    TORCH_CHECK(!gradient.defined() || gradient.layout() == at::kStrided, "the gradient of `",
                parameter->name,
                "` is sparse, which several processes cannot average; make its embedding dense "
                "(EmbeddingOptions::sparse(false))");
    pieces.push_back(gradient.defined()
                         ? gradient.detach().reshape(-1)
                         : at::zeros({parameter->tensor.numel()},
                                     parameter->tensor.options().requires_grad(false)));
    present.push_back(gradient.defined() ? 1 : 0);
  }
  const int64_t count = static_cast<int64_t>(parameters.size());
  pieces.push_back(at::tensor(present, at::kDouble).to(pieces.front().options()));
  at::Tensor flat = at::cat(pieces);
  communicator.all_reduce(flat, ReduceOp::kSum);

  const int64_t total = flat.numel() - count;
  const at::Tensor had_gradient = flat.narrow(0, total, count).to(at::kCPU, at::kDouble);
  const double* ranks_with_gradient = had_gradient.const_data_ptr<double>();
  flat.narrow(0, 0, total).div_(communicator.size());
  int64_t offset = 0;
  for (int64_t i = 0; i < count; ++i) {
    const at::Tensor& parameter = parameters[i]->tensor;
    const int ranks = static_cast<int>(ranks_with_gradient[i]);
    TORCH_CHECK(ranks == 0 || ranks == communicator.size(), "the parameter `", parameters[i]->name,
                "` has a gradient on ", ranks, " of ", communicator.size(),
                " processes (here: ", present[i] != 0 ? "yes" : "no",
                "); every process must use the same parameters in a step: add the unused ones to "
                "the loss with a factor of 0, or freeze them on all");
    if (ranks > 0) {
      const at::Tensor mean = flat.narrow(0, offset, parameter.numel()).view_as(parameter);
      // A gradient with a history (create_graph) must not change under it.
      if (parameter.grad().requires_grad()) {
        parameter.mutable_grad() = mean.clone();
      } else {
        parameter.mutable_grad().copy_(mean);
      }
    }
    offset += parameter.numel();
  }
}

}  // namespace

void average_gradients(Communicator& communicator, const std::vector<NamedParameter>& parameters) {
  if (communicator.size() == 1 || parameters.empty()) return;
  c10::AutoGradMode no_grad(false);
  std::map<std::pair<c10::ScalarType, int>, std::vector<const NamedParameter*>> by_type;
  for (const NamedParameter& parameter : parameters) {
    by_type[{parameter.tensor.scalar_type(), static_cast<int>(parameter.tensor.device().type())}]
        .push_back(&parameter);
  }
  for (const auto& [type, members] : by_type) average_flat(communicator, members);
}

}  // namespace accelerate
