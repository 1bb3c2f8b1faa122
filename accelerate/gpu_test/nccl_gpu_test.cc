// Collectives and averaging over NCCL, by a group of one process, which is what one GPU can have.
#include <chrono>
#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <vector>

#include "accelerate/comm/backend.h"
#include "accelerate/comm/communicator.h"
#include "accelerate/gpu_test/on_devices.h"
#include "accelerate/gradients/gradient_reducer.h"
#include "testing/cuda_calls/cuda_calls.h"

namespace accelerate {
namespace {

class Nccl : public OnGpu {
 protected:
  void SetUp() override {
    OnGpu::SetUp();
    if (IsSkipped()) return;
    const std::chrono::milliseconds timeout = std::chrono::minutes(1);
    auto backend = internal::make_nccl_backend(c10::make_intrusive<c10d::HashStore>(),
                                               {.rank = 0, .size = 1, .timeout = timeout});
    communicator_.emplace(std::move(backend), device_, timeout);
  }

  c10::Device device_{at::kCUDA, 0};
  std::optional<Communicator> communicator_;
};

TEST_F(Nccl, CarriesTensorsOfTheDevice) {
  at::Tensor value = torch::full({3}, 2.0, device_);
  communicator_->all_reduce(value, ReduceOp::kMean);
  EXPECT_EQ(communicator_->mean_factor(), 1);
  communicator_->start_mean(value).wait();
  communicator_->broadcast(value, 0);
  EXPECT_EQ(communicator_->all_gather(value)[0].sum().item<double>(), 6);
  EXPECT_EQ(communicator_->all_gather_bytes("ab")[0], "ab");
  communicator_->barrier();
}

// A model of several buckets; the gradients are those of LibTorch, rounded where they travel so.
void expect_averaging(Communicator& communicator, c10::Device device,
                      GradientCompression compression) {
  auto net = make_net(), twin = make_net();
  net->to(device);
  twin->to(device);
  std::vector<NamedParameter> parameters;
  for (const auto& item : net->named_parameters()) parameters.push_back({item.key(), item.value()});
  GradientReducer reducer(
      communicator, parameters,
      {.bucket_cap_mb = 1e-3, .first_bucket_mb = 1e-3, .compression = compression});
  for (int step = 0; step < 4; ++step) {
    const at::Tensor batch = make_batch(step).to(device);
    net->zero_grad();
    twin->zero_grad();
    const CudaCalls calls;
    reducer.begin(/*eager=*/true);
    net->forward(batch).square().mean().backward();
    reducer.finish();
    EXPECT_TRUE(calls.launched({"pack_kernel"}));
    // The step before is done, by what the test compares; otherwise begin() would wait for it.
    if (step > 1) {
      EXPECT_EQ(calls.waits(), 0);
    }
    twin->forward(batch).square().mean().backward();
    const auto ours = net->parameters(), theirs = twin->parameters();
    for (size_t i = 0; i < ours.size(); ++i) {
      at::Tensor expected = theirs[i].grad();
      if (compression == GradientCompression::kBf16)
        expected = expected.to(at::kBFloat16).to(at::kFloat);
      if (compression == GradientCompression::kFp16)
        expected = expected.to(at::kHalf).to(at::kFloat);
      EXPECT_TRUE(torch::equal(ours[i].grad(), expected)) << i;
      EXPECT_TRUE(reducer.is_synced(ours[i])) << i;
    }
  }
}

TEST_F(Nccl, AveragesBucketsWithoutTheHost) {
  for (const auto compression :
       {GradientCompression::kNone, GradientCompression::kFp16, GradientCompression::kBf16}) {
    expect_averaging(*communicator_, device_, compression);
  }
}

// What differs from the step before is settled at the beginning of the next.
TEST_F(Nccl, FollowsParametersThatAreNotUsedInEveryStep) {
  const at::Tensor one = torch::ones({4}, device_).requires_grad_(),
                   two = torch::ones({4}, device_).requires_grad_();
  GradientReducer reducer(*communicator_, {{"one", one}, {"two", two}}, {});
  for (const bool both : {true, false, false, true}) {
    one.mutable_grad().reset();
    two.mutable_grad().reset();
    reducer.begin(/*eager=*/true);
    (both ? (one + two) : one).sum().backward();
    reducer.finish();
    EXPECT_TRUE(one.grad().defined());
    EXPECT_EQ(two.grad().defined(), both);
  }
}

}  // namespace
}  // namespace accelerate
