#include "accelerate/state/copy_values.h"

#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

namespace accelerate {

void copy_values(const at::Tensor& to, const at::Tensor& from) {
  TORCH_CHECK(to.sizes() == from.sizes(), "values of the sizes ", from.sizes(),
              " do not fit a tensor of ", to.sizes(), "; copy those of the same sizes");
  c10::AutoGradMode no_grad(false);
  at::Tensor target = to.detach(), source = from;
  if (target.layout() == at::kStrided) {
    for (int64_t d = 0; d < target.dim(); ++d) {
      if (target.stride(d) != 0 || target.size(d) < 2) continue;
      target = target.narrow(d, 0, 1);
      source = source.narrow(d, 0, 1);
    }
  }
  target.copy_(source);
}

}  // namespace accelerate
