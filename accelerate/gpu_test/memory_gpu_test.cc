// What a run holds of a GPU's memory, and what is said where that is not enough.
#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>
#include <string>

#include "accelerate/gpu_test/on_devices.h"
#include "accelerate/memory/out_of_memory.h"

namespace accelerate {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// More than any GPU has.
constexpr int64_t kTooMany = int64_t{1} << 43;

class GpuMemory : public OnGpu {
 protected:
  void TearDown() override { take_out_of_memory_note(); }
};

TEST_F(GpuMemory, IsWhatTheAllocatorHasGiven) {
  Accelerator<Gpu, Bf16> accelerator;
  auto net = make_net();
  torch::optim::AdamW adamw(net->parameters());
  auto [model, optimizer] = accelerator.prepare(net, adamw);
  const at::Tensor x = make_batch(1).to(accelerator.device());
  accelerator.backward(model(x).sum());
  optimizer.step();
  const at::Tensor own = torch::empty({int64_t{64} << 20}, x.options());
  const MemoryUsage usage = accelerator.memory();
  const int64_t parameters = usage.bytes_of(MemoryKind::kParameter);
  EXPECT_EQ(parameters, (16 * 64 + 64 + 64 * 4 + 4) * 4);
  EXPECT_EQ(usage.bytes_of(MemoryKind::kOptimizer), 2 * parameters);
  EXPECT_EQ(usage.in_use, cuda::memory_in_use(accelerator.device().index()));
  EXPECT_GE(usage.peak, usage.in_use);
  ASSERT_FALSE(usage.largest_others.empty());
  EXPECT_GE(usage.largest_others.front(), static_cast<int64_t>(own.nbytes()));
  EXPECT_GE(usage.other(), static_cast<int64_t>(own.nbytes()));
}

TEST_F(GpuMemory, BlocksAddUpToWhatIsInUse) {
  const at::Tensor own = torch::empty({1 << 20}, at::kCUDA);
  const auto blocks = cuda::memory_blocks(own.device().index());
  const int64_t sum = std::accumulate(
      blocks.begin(), blocks.end(), int64_t{0},
      [](int64_t all, const cuda::MemoryBlock& block) { return all + block.bytes; });
  EXPECT_EQ(sum, cuda::memory_in_use(own.device().index()));
  const bool holds_it = std::any_of(
      blocks.begin(), blocks.end(),
      [&own](const cuda::MemoryBlock& block) { return block.begin == own.const_data_ptr(); });
  EXPECT_TRUE(holds_it);
}

TEST_F(GpuMemory, ThatIsNotEnoughIsDescribed) {
  Accelerator<Gpu, Fp32> accelerator;
  auto model = accelerator.prepare(make_net());
  EXPECT_THROW(torch::empty({kTooMany}, accelerator.device()), c10::OutOfMemoryError);
  EXPECT_THAT(take_out_of_memory_note(),
              AllOf(HasSubstr("rank 0 wanted "), HasSubstr("0.weight (parameters), 4.0 KB")));
}

// On a GPU a thread of autograd's runs the backward pass.
struct GreedyBackward : torch::autograd::Function<GreedyBackward> {
  static at::Tensor forward(torch::autograd::AutogradContext*, const at::Tensor& x) {
    return x.clone();
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext*,
                                                 torch::autograd::variable_list gradients) {
    return {gradients[0] + torch::empty({kTooMany}, gradients[0].options())[0]};
  }
};

TEST_F(GpuMemory, ThatIsNotEnoughForABackwardPassIsDescribed) {
  Accelerator<Gpu, Fp32> accelerator;
  auto model = accelerator.prepare(make_net());
  const at::Tensor x = make_batch(1).to(accelerator.device());
  const at::Tensor loss = GreedyBackward::apply(model(x).sum());
  EXPECT_THROW(accelerator.backward(loss), c10::OutOfMemoryError);
  EXPECT_THAT(take_out_of_memory_note(), HasSubstr("0.weight (parameters), 4.0 KB"));
}

TEST_F(GpuMemory, ThatIsNotEnoughStillMakesASearchGoOn) {
  Accelerator<Gpu, Fp32> accelerator;
  const int64_t found = accelerator.find_executable_batch_size(
      [&](int64_t size) {
        (void)torch::empty({size}, accelerator.device());
        return size;
      },
      {.starting_batch_size = kTooMany, .reduce = [](int64_t) { return int64_t{1}; }});
  EXPECT_EQ(found, 1);
}

}  // namespace
}  // namespace accelerate
