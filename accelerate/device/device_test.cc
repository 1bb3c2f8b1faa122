#include <ATen/ATen.h>

#include <cstddef>
#include <thread>
#include <vector>

#include "accelerate/device/device_moment.h"
#include "accelerate/device/device_value.h"
#include "accelerate/device/host_copy.h"
#include "accelerate/process/cuda.h"
#include "gtest/gtest.h"

namespace accelerate {
namespace {

struct Pair {
  double number = 0;
  int32_t flag = 0;
};

std::vector<c10::Device> devices() {
  std::vector<c10::Device> result{at::kCPU};
  if (cuda::in_build() && cuda::device_count() > 0) result.emplace_back(at::kCUDA, 0);
  return result;
}

TEST(DeviceValue, IsWrittenAndReadWhereverItLies) {
  for (const c10::Device device : devices()) {
    DeviceValue<Pair> pair(device, {.number = 0.5, .flag = 3});
    EXPECT_EQ(pair.device(), device);
    EXPECT_EQ(pair.read().number, 0.5);
    EXPECT_EQ(pair.read().flag, 3);
    Pair* address = pair.get();
    pair.write({.number = 0.25, .flag = 4});
    EXPECT_EQ(pair.get(), address);
    EXPECT_EQ(pair.read().flag, 4);
  }
}

TEST(DeviceValue, HasMembersThatAreTensors) {
  for (const c10::Device device : devices()) {
    DeviceValue<Pair> pair(device, {.number = 0.5, .flag = 3});
    const at::Tensor flag = pair.member(offsetof(Pair, flag), at::kInt);
    EXPECT_EQ(flag.dim(), 0);
    EXPECT_EQ(flag.item<int>(), 3);
    flag.fill_(7);
    EXPECT_EQ(pair.read().flag, 7);
    EXPECT_EQ(pair.read().number, 0.5);
    pair.write({.number = 2});
    EXPECT_EQ(pair.member(offsetof(Pair, number), at::kDouble).item<double>(), 2);
  }
}

TEST(DeviceArray, IsWrittenAndReadWhereverItLies) {
  for (const c10::Device device : devices()) {
    DeviceArray<int64_t> numbers(device, std::vector<int64_t>{1, 2, 3});
    EXPECT_EQ(numbers.read(), (std::vector<int64_t>{1, 2, 3}));
    numbers.write(std::vector<int64_t>{4, 5, 6});
    numbers.write(1, 7);
    EXPECT_EQ(numbers.read(), (std::vector<int64_t>{4, 7, 6}));
  }
}

TEST(DeviceMoment, ComesAfterWhatWasLaunched) {
  for (const c10::Device device : devices()) {
    const at::Tensor tensor = at::full({1 << 20}, 3.0, device);
    at::Tensor host =
        at::empty(tensor.sizes(), at::TensorOptions(at::kDouble).pinned_memory(!device.is_cpu()));
    host.copy_(tensor.to(at::kDouble), /*non_blocking=*/true);
    const DeviceMoment arrival(device);
    tensor.fill_(4);
    std::thread([&] { arrival.wait(); }).join();
    EXPECT_TRUE(arrival.is_past());
    EXPECT_EQ(host.sum().item<double>(), 3.0 * (1 << 20));
  }
}

TEST(HostCopy, KeepsWhatTheTensorWas) {
  for (const c10::Device device : devices()) {
    const at::Tensor tensor = at::full({2}, 3.0, device);
    const HostCopy copy(tensor);
    tensor.fill_(4);
    EXPECT_TRUE(copy.get().is_cpu());
    EXPECT_EQ(copy.get()[1].item<double>(), 3);
    EXPECT_TRUE(copy.is_there());
  }
}

}  // namespace
}  // namespace accelerate
