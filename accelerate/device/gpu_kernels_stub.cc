#include <c10/util/Exception.h>

#include "accelerate/device/gpu_kernels.h"

namespace accelerate::gpu {
namespace {

[[noreturn]] void refuse(c10::Device device) {
  TORCH_CHECK(false, "a kernel was asked for on ", device,
              ", but CUDA is not in this build; build with --config=cuda");
}

}  // namespace

void pack(c10::Device device, std::span<const kernels::PackPiece>, kernels::ElementType) {
  refuse(device);
}
int64_t norm_scratch_bytes(std::span<const kernels::NormPiece>) { return 0; }
void norm(c10::Device device, std::span<const kernels::NormPiece>, void*, kernels::NormResult*) {
  refuse(device);
}
void begin_step(c10::Device device, const kernels::StepInputs&, kernels::Step*) { refuse(device); }
void update_loss_scale(c10::Device device, const kernels::LossScaleOptions&, kernels::LossScale*) {
  refuse(device);
}
void launch(c10::Device device, c10::function_ref<int(void*)>) { refuse(device); }

}  // namespace accelerate::gpu
