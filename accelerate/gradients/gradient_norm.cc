#include "accelerate/gradients/gradient_norm.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cstddef>

#include "accelerate/device/gpu_kernels.h"
#include "accelerate/layout/blocks.h"
#include "accelerate/layout/element_type.h"
#include "accelerate/layout/flat_buffer.h"
#include "kernels/norm/norm.h"

namespace accelerate {
namespace {

kernels::NormResult measure_on_cpu(const std::vector<kernels::NormPiece>& pieces) {
  std::vector<int64_t> counts;
  for (const kernels::NormPiece& piece : pieces) counts.push_back(piece.count);
  std::vector<Block> blocks;
  cut_into_blocks(counts, blocks);
  std::vector<kernels::SquaredNorm> parts(blocks.size());
  for_each_block(blocks, [&](const Block& block) {
    const kernels::NormPiece& piece = pieces[block.array];
    const int64_t offset = block.begin * kernels::size_of(piece.type);
    parts[&block - blocks.data()] = kernels::squared_norm(
        static_cast<const char*>(piece.data) + offset, piece.type, block.count);
  });
  kernels::NormResult result;
  for (const kernels::SquaredNorm& part : parts) {
    result = result + kernels::NormResult{part.sum, part.finite};
  }
  return result;
}

}  // namespace

bool GradientNorm::takes(const std::vector<at::Tensor>& gradients) {
  return std::all_of(gradients.begin(), gradients.end(), [&](const at::Tensor& gradient) {
    return gradient.layout() == at::kStrided && (gradient.is_cpu() || gradient.is_cuda()) &&
           element_type(gradient.scalar_type()).has_value() &&
           gradient.device() == gradients.front().device();
  });
}

void GradientNorm::measure(const std::vector<at::Tensor>& gradients) {
  TORCH_CHECK(!gradients.empty() && takes(gradients),
              "the norm of these gradients cannot be taken in one read: they must be dense, of a "
              "floating type and on one device");
  c10::AutoGradMode no_grad(false);
  const c10::Device device = gradients.front().device();
  last_ = &results_.on(device);
  std::vector<at::Tensor> dense;
  std::vector<kernels::NormPiece> pieces;
  for (const at::Tensor& gradient : gradients) {
    dense.push_back(laid_out(gradient, gradient.sizes(), dense_strides(gradient)));
    pieces.push_back({.data = dense.back().const_data_ptr(),
                      .type = *element_type(gradient.scalar_type()),
                      .count = gradient.numel()});
  }
  if (device.is_cpu()) {
    *last_->get() = measure_on_cpu(pieces);
    return;
  }
  const int64_t bytes = gpu::norm_scratch_bytes(pieces);
  if (scratches_.empty() || scratches_.back().device() != device ||
      scratches_.back().numel() < bytes) {
    // With room for as much again, so that few are ever kept.
    scratches_.push_back(at::empty({2 * bytes}, at::TensorOptions(device).dtype(at::kByte)));
  }
  gpu::norm(device, pieces, scratches_.back().mutable_data_ptr(), last_->get());
}

at::Tensor GradientNorm::norm() const {
  return last_->member(offsetof(kernels::NormResult, sum), at::kDouble).sqrt();
}

at::Tensor GradientNorm::norm_of(const std::vector<at::Tensor>& gradients, double norm_type) const {
  std::vector<at::Tensor> norms;
  for (const at::Tensor& gradient : gradients) {
    // What stands twice for an element must be added up first.
    const at::Tensor values = gradient.is_sparse() ? gradient.coalesce()._values() : gradient;
    // Of nothing there is no largest element.
    if (values.numel() == 0) continue;
    norms.push_back(at::linalg_vector_norm(values.detach(), norm_type)
                        .to(gradients.front().device(), at::kDouble));
  }
  if (norms.empty()) return at::zeros({}, gradients.front().options().dtype(at::kDouble));
  return at::linalg_vector_norm(at::stack(norms), norm_type);
}

}  // namespace accelerate
