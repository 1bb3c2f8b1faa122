#include "accelerate/gradients/gradient_norm.h"

#include <c10/util/Exception.h>

#include "accelerate/gradients/blocks.h"
#include "accelerate/gradients/element_type.h"
#include "accelerate/gradients/flat_buffer.h"
#include "kernels/norm/norm.h"

namespace accelerate {

bool is_measurable(const at::Tensor& gradient) {
  return gradient.layout() == at::kStrided && gradient.is_cpu() &&
         element_type(gradient.scalar_type()).has_value();
}

GradientNorm measure_gradients(const std::vector<at::Tensor>& gradients) {
  std::vector<at::Tensor> dense;
  std::vector<int64_t> counts;
  for (const at::Tensor& gradient : gradients) {
    TORCH_CHECK(is_measurable(gradient), "the norm of a ", gradient.scalar_type(), " gradient on ",
                gradient.device(), " cannot be taken in one read");
    dense.push_back(laid_out(gradient, gradient.sizes(), dense_strides(gradient)));
    counts.push_back(gradient.numel());
  }
  const std::vector<Block> blocks = cut_into_blocks(counts);
  std::vector<kernels::SquaredNorm> parts(blocks.size());
  for_each_block(blocks, [&](const Block& block) {
    const at::Tensor& tensor = dense[block.array];
    const auto* data = static_cast<const char*>(tensor.const_data_ptr());
    parts[&block - blocks.data()] =
        kernels::squared_norm(data + block.begin * static_cast<int64_t>(tensor.element_size()),
                              *element_type(tensor.scalar_type()), block.count);
  });
  GradientNorm result;
  for (const kernels::SquaredNorm& part : parts) {
    result.squared += part.sum;
    result.finite = result.finite && part.finite;
  }
  return result;
}

}  // namespace accelerate
