// What a GPU has to show: batches come with the right values, through LibTorch's pinned memory, on
// a stream of their own, which streams wait for and the host does not. The order of it all is
// tested without one.
#include <ATen/ATen.h>
#include <ATen/core/CachingHostAllocator.h>
#include <c10/core/StreamGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <vector>

#include "accelerate/data/data_loader.h"
#include "accelerate/data/dense_tensors.h"
#include "accelerate/data/device_copies.h"
#include "accelerate/data/tensor_dataset.h"
#include "accelerate/process/cuda.h"

namespace accelerate {
namespace {

const c10::Device kGpu(c10::DeviceType::CUDA, 0);

class GpuTest : public testing::Test {
 protected:
  void SetUp() override {
    if (cuda::device_count() == 0) GTEST_SKIP() << "no GPU here";
  }
};

using DeviceCopiesOnGpu = GpuTest;
using DataLoaderOnGpu = GpuTest;

// Holds a stream for its own lifetime.
class HeldStream {
 public:
  explicit HeldStream(const c10::Stream& stream) : stream_(stream) {
    const auto wait = [](void* released) {
      static_cast<std::atomic<bool>*>(released)->wait(false);
    };
    const cudaError_t error =
        cudaLaunchHostFunc(c10::cuda::CUDAStream(stream).stream(), wait, &released_);
    if (error != cudaSuccess) throw std::runtime_error(cudaGetErrorString(error));
  }
  ~HeldStream() {
    released_ = true;
    released_.notify_all();
    stream_.synchronize();
  }

 private:
  c10::Stream stream_;
  std::atomic<bool> released_ = false;
};

c10::Stream current_stream() { return c10::cuda::getCurrentCUDAStream(kGpu.index()); }

// Sends two tensors and uses them, so that no memory and no kernel of this is new to the device:
// getting either may wait for a stream that is held.
void warm_up(const DeviceCopies& copies, const at::Tensor& like) {
  std::vector<at::Tensor> tensors(2, at::zeros_like(like));
  copies.begin({&tensors[0], &tensors[1]}).wait();
  for (const at::Tensor& tensor : tensors) (tensor + 1).cpu();
  current_stream().synchronize();
}

TEST_F(DeviceCopiesOnGpu, BringWhateverABatchMayHold) {
  std::vector<at::Tensor> originals = dense_tensors();
  originals.push_back(at::eye(3).to_sparse());
  std::vector<at::Tensor> tensors = originals;
  at::Tensor undefined, there = at::ones({2}, kGpu);
  std::vector<at::Tensor*> pointers{&undefined, &there};
  for (at::Tensor& tensor : tensors) pointers.push_back(&tensor);
  const auto* before = there.unsafeGetTensorImpl();

  DeviceCopies(kGpu).begin(pointers).wait();
  EXPECT_FALSE(undefined.defined());
  EXPECT_EQ(there.unsafeGetTensorImpl(), before);
  for (size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ(tensors[i].device(), kGpu) << i;
    EXPECT_TRUE(at::equal(tensors[i].cpu().to_dense(), originals[i].to_dense())) << i;
  }
  EXPECT_TRUE(tensors[3].is_contiguous(at::MemoryFormat::ChannelsLast));
}

TEST_F(DeviceCopiesOnGpu, PinWhatIsNotPinned) {
  const auto requests = [] {
    return at::getHostAllocator(at::kCUDA)->get_stats().active_requests.allocated;
  };
  const DeviceCopies copies(kGpu);
  at::Tensor pageable = at::ones({1000}), pinned = at::ones({1000}).pin_memory();
  const int64_t before = requests();
  copies.begin({&pinned}).wait();
  EXPECT_EQ(requests(), before);
  copies.begin({&pageable}).wait();
  EXPECT_EQ(requests(), before + 1);
}

TEST_F(DeviceCopiesOnGpu, ArriveWhileTheCurrentStreamIsBusy) {
  const DeviceCopies copies(kGpu);
  const at::Tensor original = at::randn({1 << 20});
  warm_up(copies, original);
  at::Tensor tensor = original;
  {
    HeldStream held(current_stream());
    const auto arrival = copies.begin({&tensor});
    {
      const c10::StreamGuard guard(copies.stream());
      EXPECT_TRUE(at::equal(tensor.cpu(), original));
    }
    EXPECT_FALSE(current_stream().query());
    arrival.wait();
  }
  EXPECT_TRUE(at::equal(tensor.cpu(), original));
}

TEST_F(DeviceCopiesOnGpu, AreWaitedForByTheCurrentStreamAndNotByTheHost) {
  const DeviceCopies copies(kGpu);
  const at::Tensor original = at::randn({1 << 20});
  warm_up(copies, original);
  at::Tensor tensor = original, sum;
  {
    HeldStream held(copies.stream());
    copies.begin({&tensor}).wait();
    sum = tensor + 1;
    EXPECT_FALSE(current_stream().query());
  }
  EXPECT_TRUE(at::equal(sum.cpu(), original + 1));
}

TEST_F(DeviceCopiesOnGpu, KeepMemoryUntilTheCurrentStreamIsDoneWithIt) {
  const DeviceCopies copies(kGpu);
  const at::Tensor original = at::randn({1 << 20});
  warm_up(copies, original);
  at::Tensor tensor = original, other = at::zeros_like(original);
  at::Tensor sum;
  {
    HeldStream held(current_stream());
    copies.begin({&tensor}).wait();
    sum = tensor + 1;
    tensor.reset();
    // Without the current stream's claim, this would be written to the memory just given up.
    const auto arrival = copies.begin({&other});
    copies.stream().synchronize();
  }
  EXPECT_TRUE(at::equal(sum.cpu(), original + 1));
}

TEST_F(DataLoaderOnGpu, GivesBatchesInOrderEachPass) {
  for (const int workers : {0, 2}) {
    const TensorDataset dataset(at::arange(10).to(at::kFloat), at::arange(10));
    auto loader =
        DataLoader(dataset, {.batch_size = 4, .num_workers = workers}).placed({.device = kGpu}, 0);
    for (int pass = 0; pass < 2; ++pass) {
      int64_t first = 0;
      for (auto& batch : loader) {
        const int64_t end = std::min<int64_t>(first + 4, 10);
        EXPECT_EQ(batch.data.device(), kGpu);
        EXPECT_TRUE(at::equal(batch.target.cpu(), at::arange(first, end)));
        EXPECT_TRUE(at::equal(batch.data.cpu(), at::arange(first, end).to(at::kFloat)));
        first = end;
      }
      EXPECT_EQ(first, 10);
    }
  }
}

}  // namespace
}  // namespace accelerate
