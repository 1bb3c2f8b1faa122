#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/cuda_test/cuda_test.h"
#include "kernels/cuda_test/device_memory.h"
#include "kernels/loss_scale/loss_scale_cuda.h"
#include "kernels/norm/norm_cuda.h"
#include "kernels/optimizer/optimizer_cuda.h"
#include "kernels/optimizer/rules/sgd.h"
#include "kernels/step/step_cuda.h"

namespace accelerate::kernels {
namespace {

using GraphCuda = CudaTest;

// A whole step of half precision, captured once: good, overflowing and good again.
TEST_F(GraphCuda, StepsAsOftenAsItIsReplayed) {
  constexpr int64_t kCount = 5000;
  constexpr double kMaxNorm = 1;
  TestArray<float> parameter(kCount, 0);
  TestArray<Half> gradient(kCount, 0);
  fill_normal(parameter, 1);
  for (Half& element : gradient.elements()) element = to_half(512);
  DeviceArray<float> parameter_on_device(parameter);
  DeviceArray<Half> gradient_on_device(gradient);
  DeviceValue<LossScale> loss_scale(initial_loss_scale(1024));
  DeviceValue<Step> step;
  const DeviceValue<SgdOptions> group(SgdOptions{.lr = 0.5});
  const DeviceValue<OptimizerSlot<Sgd>> slot;
  DeviceValue<NormResult> norm;
  const std::vector<NormPiece> gradients = {
      {gradient_on_device.data(), ElementType::kHalf, kCount}};
  const std::vector<OptimizerPiece<Sgd>> pieces = {{.parameter = parameter_on_device.data(),
                                                    .gradient = gradient_on_device.data(),
                                                    .gradient_type = ElementType::kHalf,
                                                    .count = kCount}};
  const auto scratch = device_memory<std::byte>(norm_scratch_bytes(gradients));

  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeGlobal));
  check(norm_cuda(gradients, scratch.get(), norm.data(), stream_));
  check(
      begin_step_cuda({.norm = norm.data(), .loss_scale = loss_scale.data(), .max_norm = kMaxNorm},
                      step.data(), stream_));
  check(optimizer_cuda<Sgd>(pieces, group.data(), slot.data(), step.data(), stream_));
  check(update_loss_scale_cuda({.growth_interval = 2}, loss_scale.data(), stream_));
  check(cudaStreamEndCapture(stream_, &graph));
  check(cudaGraphInstantiate(&executable, graph, 0));

  LossScale expected_scale = initial_loss_scale(1024);
  Step expected_step;
  for (const double value : std::array{512.0, HUGE_VAL, 256.0, 512.0}) {
    gradient[4999] = to_half(static_cast<float>(value));
    check(cudaMemcpy(gradient_on_device.data() + 4999, &gradient[4999], sizeof(Half),
                     cudaMemcpyDefault));
    check(cudaGraphLaunch(executable, stream_));
    check(cudaStreamSynchronize(stream_));

    // What the step did, from the norm that the GPU has found.
    const NormResult found = norm.to_host();
    EXPECT_EQ(found.sum, 4999.0 * 512 * 512 + value * value);
    EXPECT_EQ(found.finite, std::isfinite(value));
    begin_step({.norm = &found, .loss_scale = &expected_scale, .max_norm = kMaxNorm},
               expected_step);
    if (expected_step.overflow == 0) {
      for (int64_t i = 0; i < kCount; ++i) {
        const float g = to_float(gradient[i]) * static_cast<float>(expected_step.gradient_factor);
        parameter[i] -= 0.5f * g;
      }
    }
    update_loss_scale({.growth_interval = 2}, expected_scale);
    EXPECT_TRUE(parameter_on_device.to_host().same_as(parameter));
    EXPECT_EQ(step.to_host().overflow, expected_step.overflow);
    EXPECT_EQ(step.to_host().gradient_factor, expected_step.gradient_factor);
    EXPECT_EQ(loss_scale.to_host().scale, expected_scale.scale);
    EXPECT_EQ(loss_scale.to_host().inverse, expected_scale.inverse);
    EXPECT_EQ(loss_scale.to_host().growth_tracker, expected_scale.growth_tracker);
  }
  EXPECT_EQ(expected_scale.scale, 1024);
  check(cudaGraphExecDestroy(executable));
  check(cudaGraphDestroy(graph));
}

}  // namespace
}  // namespace accelerate::kernels
