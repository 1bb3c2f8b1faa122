// What a loader asks of a device, and in which order; a fake device writes it down.
#include "accelerate/data/device_copies.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/data/datasets/base.h>
#include <torch/data/example.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "accelerate/data/data_loader.h"
#include "accelerate/data/dense_tensors.h"
#include "accelerate/data/fake_device.h"

namespace accelerate {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(DeviceCopies, GoThroughPinnedMemoryOnTheirOwnStreamAndAreWaitedForByTheCurrentOne) {
  const DeviceCopies copies(kFakeDevice);
  at::Tensor data = at::ones({2}), target = at::ones({3});
  take_calls();
  const DeviceCopies::Arrival arrival = copies.begin({&data, &target});
  EXPECT_THAT(take_calls(),
              ElementsAre("allocate for stream 1", "copy on stream 1 from pinned memory",
                          "allocate for stream 1", "copy on stream 1 from pinned memory",
                          "record event 1 on stream 1"));
  EXPECT_EQ(data.device(), kFakeDevice);
  arrival.wait();
  EXPECT_THAT(take_calls(),
              ElementsAre("stream 0 waits for event 1", "keep for stream 0", "keep for stream 0"));
}

TEST(DeviceCopies, LeaveWhatIsThereOrUndefined) {
  at::Tensor undefined, there = at::ones({2}).to(kFakeDevice);
  const auto* before = there.unsafeGetTensorImpl();
  take_calls();
  DeviceCopies(kFakeDevice).begin({&undefined, &there}).wait();
  EXPECT_THAT(take_calls(),
              ElementsAre("record event 1 on stream 1", "stream 0 waits for event 1"));
  EXPECT_FALSE(undefined.defined());
  EXPECT_EQ(there.unsafeGetTensorImpl(), before);
}

TEST(DeviceCopies, BringTensorsHoweverTheyLie) {
  std::vector<at::Tensor> originals = dense_tensors();
  originals.push_back(at::arange(10).pin_memory());
  std::vector<at::Tensor> tensors = originals;
  std::vector<at::Tensor*> pointers;
  for (at::Tensor& tensor : tensors) pointers.push_back(&tensor);
  DeviceCopies(kFakeDevice).begin(pointers).wait();
  EXPECT_THAT(take_calls(), Each(Not(HasSubstr("pageable"))));
  for (size_t i = 0; i < tensors.size(); ++i)
    EXPECT_TRUE(at::equal(tensors[i].cpu(), originals[i])) << i;
  EXPECT_TRUE(tensors[3].is_contiguous(at::MemoryFormat::ChannelsLast));
}

struct NumberedBatch {
  at::Tensor numbers;
  std::string name;
};

// The numbers 0 to n - 1, and how many batches of them were read so far.
class Numbers : public torch::data::datasets::BatchDataset<Numbers, NumberedBatch> {
 public:
  explicit Numbers(int64_t size) : size_(size) {}
  NumberedBatch get_batch(at::ArrayRef<size_t> rows) override {
    const int64_t batch = (*batches)++;
    const at::Tensor numbers = at::tensor(std::vector<int64_t>(rows.begin(), rows.end()));
    if ((numbers == bad_number).any().item<bool>()) throw std::runtime_error("sample is broken");
    return {numbers, "batch " + std::to_string(batch)};
  }
  std::optional<size_t> size() const override { return size_; }

  std::shared_ptr<std::atomic<int64_t>> batches = std::make_shared<std::atomic<int64_t>>(0);
  int64_t bad_number = -1;

 private:
  int64_t size_;
};

DataLoader<Numbers> on_device(const Numbers& numbers, int workers,
                              const std::shared_ptr<ActiveLoaders>& active = nullptr) {
  return DataLoader(numbers, {.batch_size = 4, .num_workers = workers})
      .placed({.device = kFakeDevice, .active_loaders = active}, 0);
}

TEST(DataLoaderForADevice, IsOneBatchAheadAndTellsTheProgressOfTheOneInHand) {
  const auto active = std::make_shared<ActiveLoaders>();
  const Numbers numbers(18);
  auto loader = on_device(numbers, 0, active);
  int64_t batches = 0;
  for (auto& batch : loader) {
    EXPECT_EQ(batch.numbers.device(), kFakeDevice);
    EXPECT_EQ(batch.numbers.cpu()[0].item<int64_t>(), 4 * batches);
    EXPECT_EQ(batch.name, "batch " + std::to_string(batches));
    ++batches;
    EXPECT_EQ(*numbers.batches, std::min<int64_t>(batches + 1, 5));
    EXPECT_EQ(active->current()->batches_left, 5 - batches);
    EXPECT_EQ(active->current()->end_of_dataloader(), batches == 5);
    EXPECT_EQ(active->current()->remainder, 2);
  }
  EXPECT_EQ(batches, 5);
  EXPECT_EQ(active->current(), nullptr);
}

TEST(DataLoaderForADevice, BeginsTheNextCopyBeforeItHandsOverABatch) {
  for (const int workers : {0, 2}) {
    auto loader = on_device(Numbers(8), workers);
    take_calls();
    auto batch = loader.begin();
    EXPECT_THAT(take_calls(),
                ElementsAre("allocate for stream 1", "copy on stream 1 from pinned memory",
                            "record event 1 on stream 1", "allocate for stream 1",
                            "copy on stream 1 from pinned memory", "record event 2 on stream 1",
                            "stream 0 waits for event 1", "keep for stream 0"));
    ++batch;
    EXPECT_THAT(take_calls(), ElementsAre("stream 0 waits for event 2", "keep for stream 0"));
    EXPECT_TRUE(++batch == loader.end());
    EXPECT_THAT(take_calls(), IsEmpty());
  }
}

TEST(DataLoaderForADevice, ThrowsWhereTheBatchIsDueAndGoesOn) {
  for (const int workers : {0, 2}) {
    Numbers numbers(16);
    numbers.bad_number = 9;
    auto loader = on_device(numbers, workers);
    auto batch = loader.begin();
    ++batch;
    EXPECT_EQ(batch->numbers.cpu()[0].item<int64_t>(), 4);
    EXPECT_THROW(++batch, std::runtime_error);
    ++batch;
    EXPECT_EQ(batch->numbers.cpu()[0].item<int64_t>(), 12);
    EXPECT_TRUE(++batch == loader.end());
  }
}

TEST(DataLoaderForADevice, CanBeLeftInTheMiddleOfAnEpoch) {
  for (const int workers : {0, 2}) {
    auto loader = on_device(Numbers(40), workers);
    for (auto& batch : loader) {
      if (batch.numbers.cpu()[0].item<int64_t>() == 8) break;
    }
    int64_t batches = 0;
    for ([[maybe_unused]] auto& batch : loader) ++batches;
    EXPECT_EQ(batches, 10);
  }
}

TEST(DataLoaderForADevice, AsksNothingOfItForBatchesOnTheCpu) {
  const Numbers numbers(8);
  auto loader = DataLoader(numbers, {.batch_size = 4}).placed({}, 0);
  take_calls();
  auto batch = loader.begin();
  EXPECT_EQ(*numbers.batches, 1);
  EXPECT_FALSE(batch->numbers.is_pinned());
  EXPECT_THAT(take_calls(), IsEmpty());
}

}  // namespace
}  // namespace accelerate
