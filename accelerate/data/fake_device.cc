#include "accelerate/data/fake_device.h"

#include <ATen/ATen.h>
#include <ATen/EmptyTensor.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <c10/core/Stream.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <set>
#include <utility>

namespace accelerate {
namespace {

std::vector<std::string> calls;
c10::StreamId current_stream = 0;
intptr_t last_event = 0;
std::set<const void*> pinned_memory;

std::string stream_name(c10::StreamId id) { return "stream " + std::to_string(id); }
std::string event_name(void* event) {
  return "event " + std::to_string(reinterpret_cast<intptr_t>(event));
}

class FakeGuard final : public c10::impl::DeviceGuardImplInterface {
 public:
  c10::DeviceType type() const override { return kFakeDevice.type(); }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
  c10::Device getDevice() const override { return kFakeDevice; }
  c10::Device exchangeDevice(c10::Device) const override { return kFakeDevice; }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}

  c10::Stream getStream(c10::Device) const override { return stream(current_stream); }
  c10::Stream getStreamFromGlobalPool(c10::Device, bool) const override { return stream(1); }
  c10::Stream exchangeStream(c10::Stream next) const override {
    return stream(std::exchange(current_stream, next.id()));
  }

  void record(void** event, const c10::Stream& on, c10::DeviceIndex,
              c10::EventFlag) const override {
    *event = reinterpret_cast<void*>(++last_event);
    calls.push_back("record " + event_name(*event) + " on " + stream_name(on.id()));
  }
  void block(void* event, const c10::Stream& waiting) const override {
    calls.push_back(stream_name(waiting.id()) + " waits for " + event_name(event));
  }
  void destroyEvent(void*, c10::DeviceIndex) const noexcept override {}

 private:
  static c10::Stream stream(c10::StreamId id) {
    return c10::Stream(c10::Stream::UNSAFE, kFakeDevice, id);
  }
};

class FakeAllocator final : public c10::Allocator {
 public:
  explicit FakeAllocator(c10::Device device) : device_(device) {}

  c10::DataPtr allocate(size_t size) override {
    void* data = std::malloc(std::max<size_t>(size, 1));
    if (device_.is_cpu()) {
      pinned_memory.insert(data);
    } else {
      calls.push_back("allocate for " + stream_name(current_stream));
    }
    const auto free = [](void* memory) {
      pinned_memory.erase(memory);
      std::free(memory);
    };
    return {data, data, free, device_};
  }
  void copy_data(void* to, const void* from, size_t size) const override {
    std::memcpy(to, from, size);
  }

 private:
  c10::Device device_;
};

FakeAllocator device_allocator(kFakeDevice);
FakeAllocator pinned_allocator(c10::kCPU);

class FakeHooks final : public at::PrivateUse1HooksInterface {
 public:
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  bool isPinnedPtr(const void* data) const override { return pinned_memory.contains(data); }
  c10::Allocator* getPinnedMemoryAllocator() const override { return &pinned_allocator; }
};

at::Tensor empty_strided(c10::IntArrayRef sizes, c10::IntArrayRef strides,
                         std::optional<c10::ScalarType> type, std::optional<c10::Layout>,
                         std::optional<c10::Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(sizes, strides, &device_allocator,
                                           c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                           type.value_or(at::kFloat));
}

at::Tensor copy(const at::Tensor& from, const at::Tensor& to, bool non_blocking) {
  TORCH_CHECK(from.strides() == to.strides(), "the fake device copies memory as it lies");
  std::memcpy(to.mutable_data_ptr(), from.const_data_ptr(), from.nbytes());
  if (from.is_cpu()) {
    calls.push_back((non_blocking ? "copy on " : "blocking copy on ") +
                    stream_name(current_stream) + " from " +
                    (from.is_pinned() ? "pinned memory" : "pageable memory"));
  }
  return to;
}

void record_stream(at::Tensor&, c10::Stream stream) {
  calls.push_back("keep for " + stream_name(stream.id()));
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("empty_strided", empty_strided);
  library.impl("_copy_from", copy);
  library.impl("record_stream", record_stream);
}

[[maybe_unused]] const bool registered = [] {
  static FakeHooks hooks;
  static FakeGuard guard;
  static c10::impl::DeviceGuardImplRegistrar registrar(kFakeDevice.type(), &guard);
  c10::register_privateuse1_backend("fake");
  at::RegisterPrivateUse1HooksInterface(&hooks);
  return true;
}();

}  // namespace

std::vector<std::string> take_calls() {
  last_event = 0;
  return std::exchange(calls, {});
}

}  // namespace accelerate
